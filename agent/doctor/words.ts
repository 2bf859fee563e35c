// The words of the doctor's report that belong to no check.
import type { Text } from '../../protocol/catalogue/text.ts';
import type { HopName } from './hops.ts';

export const hopTitles: Readonly<Record<HopName, Text>> = {
  host: { en: 'host', zh: '主机' },
  line: { en: 'line', zh: '专线' },
  gateway: { en: 'gateway', zh: '网关' },
  'api-server': { en: 'API server', zh: 'API server' },
  kubelet: { en: 'kubelet', zh: 'kubelet' },
  runtime: { en: 'runtime', zh: '容器运行时' },
  cni: { en: 'CNI', zh: 'CNI' },
  pod: { en: 'pod', zh: 'Pod' },
};

export const words = {
  well: { en: 'All is well.', zh: '一切正常。' },
  took: { en: '({seconds} s; nothing was changed)', zh: '（用时 {seconds} 秒；主机未作任何改动）' },
  cause: { en: 'Cause:', zh: '原因：' },
  lastWorked: { en: 'It last worked at {at}. Since then:', zh: '最近一次正常：{at}。此后：' },
  neverWorked: {
    en: 'It has not been seen to work before, so there is nothing to compare with.',
    zh: '此前没有正常的记录，无法比较变化。',
  },
  nothingChanged: { en: 'nothing that is looked at has changed', zh: '所观察的内容没有变化' },
  more: {
    en: 'More: regnode explain {code} ({seconds} s; nothing was changed)',
    zh: '详情：regnode explain {code}（用时 {seconds} 秒；主机未作任何改动）',
  },
  notRemembered: {
    en: 'What works now could not be written down for next time: {detail}',
    zh: '未能保存本次正常状态供下次比较：{detail}',
  },
} as const satisfies Record<string, Text>;
