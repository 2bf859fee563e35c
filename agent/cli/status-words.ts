// The words of `regnode status`.
import type { Text } from '../../protocol/catalogue/text.ts';

const titles = {
  node: { en: 'node', zh: '节点' },
  tunnel: { en: 'tunnel', zh: '隧道' },
  streams: { en: 'streams', zh: '数据流' },
  certificate: { en: 'certificate', zh: '证书' },
  addresses: { en: 'addresses', zh: '地址' },
  cluster: { en: 'cluster', zh: '集群' },
  identity: { en: 'identity', zh: '身份' },
  pods: { en: 'pods', zh: 'Pod' },
  phase: { en: 'phase', zh: '阶段' },
  reconcile: { en: 'reconcile', zh: '配置版本' },
  versions: { en: 'versions', zh: '组件版本' },
  upgrade: { en: 'upgrade', zh: '升级' },
  drift: { en: 'drift', zh: '配置漂移' },
  downloads: { en: 'downloads', zh: '下载缓存' },
  kubelet: { en: 'kubelet', zh: 'kubelet' },
  containerd: { en: 'containerd', zh: 'containerd' },
  line: { en: 'line', zh: '专线' },
  telemetry: { en: 'telemetry', zh: '监控数据' },
} as const satisfies Record<string, Text>;

export const words = {
  titles,
  replica: { en: ', replica {replica}', zh: '，副本 {replica}' },
  proxy: { en: ' through the proxy {proxy}', zh: '，经代理 {proxy}' },
  streams: {
    en: '{streams} open, {keptKib} of {limitKib} KiB kept for a resumption',
    zh: '{streams} 条打开，为断线续传保留 {keptKib} / {limitKib} KiB',
  },
  goodUntil: { en: 'good until {at}', zh: '有效期至 {at}' },
  addressRefused: {
    en: '{address} is not the node’s own: {detail}; on the gateway: regnodectl node get',
    zh: '{address} 不归此节点所有：{detail}；请在网关侧查看：regnodectl node get',
  },
  notTold: { en: 'the gateway has not said', zh: '网关尚未告知' },
  absent: { en: 'the cluster has no Node of this name', zh: '集群中没有此名称的 Node' },
  pods: {
    en: '{running} run, {assigned} known to the kubelet',
    zh: '{running} 个运行中，kubelet 已知 {assigned} 个',
  },
  healthy: { en: 'healthy', zh: '正常' },
  unhealthy: { en: 'not healthy', zh: '异常' },
  notAsked: { en: 'not asked yet', zh: '尚未检查' },
  telemetry: {
    en: '{acknowledged} acknowledged, {pending} pending, {lost} lost',
    zh: '已确认 {acknowledged} 条，待发送 {pending} 条，丢失 {lost} 条',
  },
  downloads: { en: '{files} not unpacked, {mebibytes} MiB', zh: '{files} 个未解包，{mebibytes} MiB' },
  none: { en: 'none', zh: '无' },
  since: { en: 'since {since}', zh: '始于 {since}' },
  becauseOf: { en: 'because of {cause}', zh: '由 {cause} 引起' },
} as const;
