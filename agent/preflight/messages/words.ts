// The words of the report that belong to no check: headings, verdict, counts.

import type { Text } from '../../../protocol/catalogue/text.ts';
import type { Group } from '../check.ts';

export const groupTitles: Readonly<Record<Group, Text>> = {
  identity: { en: 'Identity', zh: '身份' },
  resources: { en: 'Resources', zh: '资源' },
  kernel: { en: 'Kernel', zh: '内核' },
  line: { en: 'Private line', zh: '专线' },
  time: { en: 'Time', zh: '时间' },
  firewall: { en: 'Firewall and ports', zh: '防火墙与端口' },
  runtime: { en: 'Container runtime', zh: '容器运行时' },
  cilium: { en: 'Cilium', zh: 'Cilium' },
  devices: { en: 'GPU and storage', zh: 'GPU 与存储' },
  node: { en: 'Node', zh: '节点' },
};

export const words = {
  canJoin: { en: 'This host can join.', zh: '此主机可以加入集群。' },
  nothingFound: {
    en: 'Nothing that was checked stands in the way; {count} checks were left out.',
    zh: '已检查的项目均无阻碍；有 {count} 项未检查。',
  },
  cannotJoin: { en: 'This host cannot join yet.', zh: '此主机暂不能加入集群。' },
  counts: {
    en: '{ok} ok, {warn} warnings, {fail} failed, {skip} skipped, {ignored} ignored; {seconds} s. Nothing was changed.',
    zh: '通过 {ok} 项，警告 {warn} 项，失败 {fail} 项，跳过 {skip} 项，忽略 {ignored} 项；用时 {seconds} 秒。主机未作任何改动。',
  },
  first: { en: 'Do first:', zh: '请先处理：' },
  more: { en: 'Why it matters: regnode explain {code}', zh: '为什么重要：regnode explain {code}' },
  ignored: { en: 'ignored', zh: '已忽略' },
  problem: { en: 'When it says: {message}', zh: '当提示：{message}' },
} as const satisfies Record<string, Text>;
