// All settings of a pool: the spec of a NodePool. The gateway decides by some of them; what reaches the hosts
// is in the desired state, either as it is (host.ts) or as gateway/pools/desired-state.ts computes it.

import { z } from 'zod';
import type { Text } from '../catalogue/text.ts';
import { labelsSchema, namePatternSchema, rangeSchema, taintsSchema, versionSchema } from '../grammar.ts';
import { defaultThresholds, lineThresholdsSchema } from '../line/thresholds.ts';
import { containerdSettings, downloadSettings, kubeletSettings, telemetrySettings } from './host.ts';
import { ciliumSettingsSchema, networkModeSchema } from './network.ts';
import { setting, settingsOf } from './setting.ts';

/** How the kubelet reaches the API server: over the private line, or through the agent's tunnel. */
export const apiServerAccessSchema = z.enum(['direct', 'tunnel']);
/** How the kubelet is reached: through the agent's tunnel alone, or on all addresses of the host as well. */
export const kubeletAccessSchema = z.enum(['direct', 'tunnel']);
/** When pods move away before the kubelet changes: at any change, at another minor version, or never. */
export const upgradeDrainSchema = z.enum(['always', 'minor', 'never']);
/** What happens to a change that somebody made on a host by hand: undone, or only told. */
export const driftPolicySchema = z.enum(['repair', 'report']);

const newest: Text = { en: 'the newest in the artifact store that fits', zh: '制品库中适用的最新版本' };

/** The version of one component. */
const version = (flag: string, example: string, of: Text, unset: Text = newest) =>
  setting(versionSchema.optional(), {
    form: 'text',
    flag,
    en: `${of.en}; "default" or "none" unpins it`,
    zh: `${of.zh}；“default” 或 “none” 表示不再固定`,
    unset,
    example,
    reaches: 'hosts',
    bugReport: 'value',
  });

export const poolSpecSchema = z.strictObject({
  kubernetesVersion: setting(versionSchema, {
    form: 'text',
    flag: '--kubernetes-version <version>',
    en: 'version of the kubelet, e.g. v1.32.4',
    zh: 'kubelet 的版本，例如 v1.32.4',
    unset: { en: 'that of the cluster', zh: '与集群相同' },
    example: 'v1.20.3',
    reaches: 'hosts',
    bugReport: 'value',
  }),
  network: z
    .strictObject({
      mode: setting(networkModeSchema.default('cilium'), {
        form: 'choice',
        flag: '--network <mode>',
        en: 'cilium: regnode brings Cilium; external: the cluster brings its own CNI',
        zh: 'cilium：由 regnode 安装 Cilium；external：由集群自带 CNI',
        example: 'external',
        reaches: 'hosts',
        bugReport: 'value',
      }),
      cilium: ciliumSettingsSchema.optional(),
    })
    .prefault({})
    .describe('The network of pods.'),
  apiServerAccess: setting(apiServerAccessSchema.default('direct'), {
    form: 'choice',
    flag: '--api-server-access <way>',
    en: 'how kubelets reach the API server: direct, or tunnel (through the agent and the gateway) when the line has no way to it',
    zh: 'kubelet 访问 API server 的方式：direct，或在专线无法到达时使用 tunnel（经 agent 与网关）',
    example: 'tunnel',
    reaches: 'hosts',
    bugReport: 'value',
  }),
  kubeletAccess: setting(kubeletAccessSchema.optional(), {
    form: 'choice',
    flag: '--kubelet-access <way>',
    en: 'how kubelets are reached: tunnel (they listen on 127.0.0.1 alone), or direct (on all addresses of the host as well)',
    zh: '访问 kubelet 的方式：tunnel（仅监听 127.0.0.1），或 direct（同时监听主机的所有地址）',
    unset: {
      en: 'tunnel where the gateway has an egress for the API server, else direct',
      zh: '网关为 API server 提供 egress 时为 tunnel，否则为 direct',
    },
    example: 'tunnel',
    reaches: 'hosts',
    bugReport: 'value',
  }),
  labels: setting(labelsSchema.default({}), {
    form: 'labels',
    flag: '--label <key=value>',
    en: 'labels of every node of the pool',
    zh: '节点池中每个节点的标签',
    unset: { en: 'none', zh: '无' },
    example: 'site=a',
    reaches: 'hosts',
    bugReport: 'names',
  }),
  taints: setting(taintsSchema.default([]), {
    form: 'taints',
    flag: '--taint <key[=value]:effect>',
    en: 'taints of every node of the pool',
    zh: '节点池中每个节点的污点',
    unset: { en: 'none', zh: '无' },
    example: 'site=a:NoSchedule',
    reaches: 'hosts',
    bugReport: 'names',
  }),
  nodeCidrs: setting(z.array(rangeSchema).max(64).default([]), {
    form: 'ranges',
    flag: '--node-cidr <range>',
    en: 'ranges of the addresses that its hosts have; a host whose join does not come from its own address (behind NAT, a proxy or a balancer) may claim one in these that nobody else has; "none" for none',
    zh: '主机地址所在的网段；若加入请求并非来自主机自身地址（经 NAT、代理或负载均衡），主机可声明其中无人使用的地址；“none”表示无',
    unset: { en: 'a host has the address that its join comes from', zh: '主机使用其加入请求的来源地址' },
    example: '10.77.0.0/16',
    reaches: 'gateway',
    bugReport: 'never',
  }),
  externalPodCidrs: setting(z.array(rangeSchema).max(64).default([]), {
    form: 'ranges',
    flag: '--external-pod-cidr <range>',
    en: 'where the cluster brings the network: ranges of the addresses of pods on these nodes, so that the API server reaches a pod by its address (kubectl get --raw …/pods/NAME/proxy); webhooks and aggregated APIs need none; "none" for none',
    zh: '集群自带网络时：这些节点上 Pod 的地址段，使 API server 可按地址访问 Pod（kubectl get --raw …/pods/NAME/proxy）；webhook 与聚合 API 不需要；“none”表示无',
    unset: { en: 'no pod is reached by its address alone', zh: '不能仅凭地址访问 Pod' },
    example: '10.50.0.0/16',
    reaches: 'gateway',
    bugReport: 'never',
  }),
  nodeNames: setting(z.array(namePatternSchema).max(64).default([]), {
    form: 'list',
    flag: '--node-names <pattern>',
    en: 'names that new hosts may take, * for any part; another name needs a token that is bound to it (token create --name); choose such as no node of the cloud will have; "none" for any name',
    zh: '新主机可以使用的名称，* 代表任意部分；其他名称需要与之绑定的令牌（token create --name）；请选择云上节点不会使用的名称；“none”表示任意名称',
    unset: { en: 'any name that nobody has', zh: '任何未被使用的名称' },
    example: 'idc-*',
    reaches: 'gateway',
    bugReport: 'never',
  }),
  maxNodes: setting(z.int().min(0).max(5000).default(5000), {
    form: 'count',
    flag: '--max-nodes <n>',
    en: 'refuse joins above this',
    zh: '超过此数量后拒绝加入',
    example: '40',
    reaches: 'gateway',
    bugReport: 'never',
  }),
  kubelet: z.strictObject(kubeletSettings).prefault({}),
  containerd: z.strictObject(containerdSettings).prefault({}),
  telemetry: z.strictObject(telemetrySettings).prefault({}),
  line: setting(lineThresholdsSchema.prefault({}), {
    form: 'limits',
    flag: '--line <limit=number>',
    en: `limits of the private line, by which regnode netcheck and the health of nodes are judged: ${Object.keys(defaultThresholds).join(', ')}`,
    zh: `专线的限值，regnode netcheck 与节点健康状况据此判断：${Object.keys(defaultThresholds).join('、')}`,
    example: 'rttMs=100',
    reaches: 'hosts',
    bugReport: 'value',
  }),
  downloads: z
    .strictObject(downloadSettings)
    .prefault({})
    .describe('Where hosts download archives from, and how fast.'),
  componentVersions: z
    .strictObject({
      containerd: version('--containerd-version <version>', 'v1.6.19', {
        en: 'version of containerd',
        zh: 'containerd 的版本',
      }),
      runc: version('--runc-version <version>', 'v1.0.9', { en: 'version of runc', zh: 'runc 的版本' }),
      cniPlugins: version('--cni-plugins-version <version>', 'v1.0.9', {
        en: 'version of the CNI plugins',
        zh: 'CNI 插件的版本',
      }),
      agent: version(
        '--agent-version <version>',
        'v0.0.9',
        { en: 'version of regnode on the hosts', zh: '主机上 regnode 的版本' },
        { en: 'as it was installed', zh: '保持安装时的版本' },
      ),
    })
    .prefault({})
    .describe('Versions other than the artifact store suggests.'),
  certificateGraceDays: setting(z.int().min(0).max(3650).default(90), {
    form: 'count',
    flag: '--certificate-grace-days <n>',
    en: 'a host that was off while its certificate expired may still renew it for so many days',
    zh: '主机关机期间证书过期后，仍可续期的天数',
    example: '30',
    reaches: 'gateway',
    bugReport: 'never',
  }),
  driftPolicy: setting(driftPolicySchema.default('repair'), {
    form: 'choice',
    flag: '--drift-policy <policy>',
    en: 'what happens to changes made by hand on a host',
    zh: '如何处理主机上的手工更改',
    example: 'report',
    reaches: 'hosts',
    bugReport: 'value',
  }),
  driftIntervalMs: setting(z.int().min(5000).max(86_400_000).default(300_000), {
    form: 'duration',
    flag: '--drift-interval <duration>',
    en: 'how often a host is compared with its desired state',
    zh: '将主机与期望状态比较的间隔',
    example: '10m',
    reaches: 'hosts',
    bugReport: 'value',
  }),
  upgrade: z
    .strictObject({
      maxUnavailable: setting(z.int().min(1).max(1000).default(1), {
        form: 'count',
        flag: '--max-unavailable <n>',
        en: 'nodes that get other versions at a time',
        zh: '同时更换版本的节点数',
        example: '3',
        reaches: 'gateway',
        bugReport: 'never',
      }),
      healthTimeoutMs: setting(z.int().min(10_000).max(3_600_000).default(300_000), {
        form: 'duration',
        flag: '--health-timeout <duration>',
        en: 'a new version that is not healthy within this time is taken back',
        zh: '新版本在此时间内未恢复健康则回退',
        example: '10m',
        reaches: 'hosts',
        bugReport: 'value',
      }),
      drain: setting(upgradeDrainSchema.default('minor'), {
        form: 'choice',
        flag: '--upgrade-drain <when>',
        en: 'pods are moved away before another kubelet starts: always, for another minor version, never',
        zh: '启动新的 kubelet 前迁走 Pod：总是、仅在次版本变化时、从不',
        example: 'always',
        reaches: 'hosts',
        bugReport: 'value',
      }),
      paused: setting(z.boolean().default(false), {
        form: 'switch',
        changedBy: 'regnodectl pool pause | resume',
        en: 'no further node begins its upgrade',
        zh: '不再有新的节点开始升级',
        example: 'true',
        reaches: 'gateway',
        bugReport: 'never',
      }),
      toleratedFailures: setting(z.int().min(0).default(0), {
        form: 'count',
        changedBy: 'regnodectl pool resume',
        en: 'the rollout stands still when more nodes than this had to take a version back',
        zh: '回退版本的节点数超过此值时，升级停止',
        example: '2',
        reaches: 'gateway',
        bugReport: 'never',
      }),
    })
    .prefault({}),
});

export type PoolSpec = z.infer<typeof poolSpecSchema>;
export type PoolSpecInput = z.input<typeof poolSpecSchema>;

export const poolSettings = settingsOf(poolSpecSchema);

/** A spec that says no more than it must. */
export const defaultPoolSpec: PoolSpec = poolSpecSchema.parse({ kubernetesVersion: 'v0' });
