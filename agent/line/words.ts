// The words of netcheck's report. Numbers and symbols are the same in every language.
import type { Text } from '../../protocol/catalogue/text.ts';
import type { HopName } from '../state/line-measurement.ts';
import type { Part } from './netcheck.ts';

export const hopTitles: Readonly<Record<HopName, Text>> = {
  route: { en: 'route', zh: '路由' },
  dns: { en: 'name', zh: '域名解析' },
  proxy: { en: 'proxy', zh: '代理' },
  tcp: { en: 'TCP', zh: 'TCP' },
  tls: { en: 'TLS', zh: 'TLS' },
  http: { en: 'HTTP', zh: 'HTTP' },
};

export const rowTitles = {
  roundTrip: { en: 'round trip', zh: '往返时延' },
  jitter: { en: 'jitter', zh: '抖动' },
  loss: { en: 'loss', zh: '丢包' },
  udp: { en: 'UDP {port}', zh: 'UDP {port}' },
  pathMtu: { en: 'path MTU', zh: '路径 MTU' },
  clock: { en: 'clock', zh: '时钟偏差' },
  throughput: { en: 'throughput', zh: '吞吐量' },
} as const satisfies Record<string, Text>;

export const words = {
  open: { en: 'open', zh: '通' },
  blocked: { en: 'blocked', zh: '不通' },
  unknown: { en: 'not seen', zh: '未测' },
  fits: { en: 'VXLAN fits', zh: 'VXLAN 可用' },
  fitsNot: { en: 'VXLAN does not fit', zh: 'VXLAN 放不下' },
  notMeasured: { en: 'not measured', zh: '未测量' },
  fine: { en: 'The line is as its pool wants it.', zh: '专线符合节点池的要求。' },
  partly: {
    en: 'What was measured is as its pool wants it; {count} part(s) were not measured.',
    zh: '已测项目符合节点池的要求；有 {count} 项未测量。',
  },
  bad: { en: 'The line is not as its pool wants it: {codes}.', zh: '专线不符合节点池的要求：{codes}。' },
  refused: {
    en: 'This is no private line, so nothing was measured: Direct Connect or CCN only.',
    zh: '这不是专线，因此未作测量：仅支持专线接入（Direct Connect）或云联网（CCN）。',
  },
  took: { en: '{seconds} s', zh: '用时 {seconds} 秒' },
} as const satisfies Record<string, Text>;

export const partTitles: Readonly<Record<Part, Text>> = {
  way: { en: 'the way to the gateway …', zh: '到网关的路径…' },
  'round-trip': { en: 'round trips …', zh: '往返时延…' },
  udp: { en: 'UDP from the gateway …', zh: '来自网关的 UDP…' },
  'path-mtu': { en: 'path MTU …', zh: '路径 MTU…' },
  throughput: { en: 'throughput …', zh: '吞吐量…' },
};
