// The settings of a pool that its hosts get as they are: of the kubelet, of containerd, of telemetry, of
// downloads. NodePool and desired state take the same shapes, so one that is added here is in both. Where one
// is absent, the agent computes what fits the host.
import { z } from 'zod';
import { addressSchema, certificatesSchema, domainSchema, httpUrlSchema, imageSchema } from '../grammar.ts';
import { setting } from './setting.ts';

/** A limit below this would be no download any more. */
export const leastRateBytesPerSecond = 16 * 1024;

const quantitySchema = z
  .string()
  .max(16)
  .regex(/^([0-9]{1,2}(\.[0-9]{1,2})?%|[0-9]{1,9}(Ki|Mi|Gi)?)$/);

/**
 * Kept from pods for the kubelet, containerd and the host; each part that is set replaces the computed one.
 */
const reservedSchema = z.strictObject({
  cpuMillicores: z.int().min(0).max(64_000).optional(),
  memoryMiB: z.int().min(0).max(1_048_576).optional(),
  ephemeralStorageMiB: z.int().min(0).max(1_048_576).optional(),
  pids: z.int().min(0).max(1_000_000).optional(),
});

/** Signals of the kubelet's hard eviction, by their own names. */
export const evictionSignals = [
  'memory.available',
  'nodefs.available',
  'nodefs.inodesFree',
  'imagefs.available',
  'imagefs.inodesFree',
] as const;
export type EvictionSignal = (typeof evictionSignals)[number];

const evictionSchema = z.strictObject({
  'memory.available': quantitySchema.optional(),
  'nodefs.available': quantitySchema.optional(),
  'nodefs.inodesFree': quantitySchema.optional(),
  'imagefs.available': quantitySchema.optional(),
  'imagefs.inodesFree': quantitySchema.optional(),
});

/** The kubelet's own. */
export const defaultImageGarbageCollection = { highThresholdPercent: 85, lowThresholdPercent: 80 };
const collected = Object.values(defaultImageGarbageCollection).join(':');

const imageGarbageCollectionSchema = z.strictObject({
  highThresholdPercent: z.int().min(1).max(100),
  lowThresholdPercent: z.int().min(0).max(99),
});

/**
 * One registry as images name it (`docker.io`, `registry.example.com:5000`, `*` for all
 * others), and where to ask instead.
 */
const registrySchema = z.strictObject({
  host: z
    .string()
    .max(253)
    .regex(/^(\*|[a-z0-9]([-a-z0-9.]*[a-z0-9])?(:[0-9]{1,5})?)$/),
  /** Tried in this order, then the registry itself. */
  mirrors: z.array(httpUrlSchema).max(16),
  /** Roots that its own and the mirrors' certificates may lead to, beside the host's. */
  caPem: certificatesSchema.optional(),
});

export const kubeletSettings = {
  clusterDns: setting(z.array(addressSchema).max(8).default([]), {
    form: 'list',
    flag: '--cluster-dns <address>',
    en: 'DNS server of pods',
    zh: 'Pod 使用的 DNS 服务器',
    unset: { en: 'the service kube-dns when the pool is made', zh: '创建节点池时的 kube-dns 服务' },
    example: '10.96.0.53',
    reaches: 'hosts',
    bugReport: 'value',
  }),
  clusterDomain: setting(domainSchema.default('cluster.local'), {
    form: 'text',
    flag: '--cluster-domain <domain>',
    en: 'DNS domain of the cluster',
    zh: '集群的 DNS 域名',
    example: 'cluster.example.com',
    reaches: 'hosts',
    bugReport: 'value',
  }),
  maxPods: setting(z.int().min(1).max(1000).default(110), {
    form: 'count',
    flag: '--max-pods <n>',
    en: 'pods per node',
    zh: '每个节点的 Pod 数上限',
    example: '60',
    reaches: 'hosts',
    bugReport: 'value',
  }),
  reserved: setting(reservedSchema.optional(), {
    form: 'reservations',
    flag: '--reserve <part=amount>',
    en: 'kept from pods: cpu, memory, ephemeral-storage, pids',
    zh: '不分配给 Pod 的资源：cpu、memory、ephemeral-storage、pids',
    unset: { en: "computed from each host's size", zh: '按各主机的规格计算' },
    example: 'memory=2Gi',
    reaches: 'hosts',
    bugReport: 'value',
  }),
  evictionHard: setting(evictionSchema.optional(), {
    form: 'evictions',
    flag: '--eviction <signal=threshold>',
    en: `hard eviction of pods: ${evictionSignals.join(', ')}`,
    zh: `硬驱逐阈值：${evictionSignals.join('、')}`,
    unset: { en: "the kubelet's own", zh: 'kubelet 自身的默认值' },
    example: 'memory.available=1Gi',
    reaches: 'hosts',
    bugReport: 'value',
  }),
  imageGarbageCollection: setting(imageGarbageCollectionSchema.optional(), {
    form: 'thresholds',
    flag: '--image-gc-thresholds <high:low>',
    en: 'percent of the disk at which unused images are removed, and down to which',
    zh: '开始清理未使用镜像的磁盘使用百分比，以及清理的目标',
    unset: { en: collected, zh: collected },
    example: '70:60',
    reaches: 'hosts',
    bugReport: 'value',
  }),
};

export const containerdSettings = {
  sandboxImage: setting(imageSchema.default('registry.k8s.io/pause:3.9'), {
    form: 'text',
    flag: '--sandbox-image <image>',
    en: 'image of the pause container',
    zh: 'pause 容器的镜像',
    example: 'registry.example.com/pause:3.9',
    reaches: 'hosts',
    bugReport: 'never',
  }),
  registries: setting(z.array(registrySchema).max(64).optional(), {
    form: 'registries',
    flag: '--registry-mirror <registry=url>',
    secondFlag: '--registry-ca <registry=file>',
    en: 'mirrors that are asked before a registry ("*": all others; "none": no mirrors), and a PEM file with roots for one',
    zh: '先于镜像仓库访问的镜像站（“*”：其余所有仓库；“none”：无），以及某个仓库的根证书 PEM 文件',
    unset: { en: 'none', zh: '无' },
    example: 'docker.io=https://mirror.example.com',
    reaches: 'hosts',
    bugReport: 'never',
  }),
};

export const telemetrySettings = {
  heartbeatIntervalMs: setting(z.int().min(1000).max(300_000).default(10_000), {
    form: 'duration',
    flag: '--heartbeat-interval <duration>',
    en: 'how often a host says that it is alive',
    zh: '主机发送心跳的间隔',
    example: '30s',
    reaches: 'hosts',
    bugReport: 'value',
  }),
  metricsIntervalMs: setting(z.int().min(1000).max(300_000).default(10_000), {
    form: 'duration',
    flag: '--metrics-interval <duration>',
    en: 'how often a host measures itself',
    zh: '主机采集指标的间隔',
    example: '30s',
    reaches: 'hosts',
    bugReport: 'value',
  }),
};

export const downloadSettings = {
  mirrors: setting(z.array(httpUrlSchema).max(8).default([]), {
    form: 'list',
    flag: '--mirror <url>',
    en: 'hosts look for archives there first; "none" for no mirrors',
    zh: '主机优先从此处下载制品；“none”表示无镜像站',
    unset: { en: 'the gateway alone', zh: '仅网关' },
    example: 'https://mirror.example.com/regnode',
    reaches: 'hosts',
    bugReport: 'never',
  }),
  rateLimitBytesPerSecond: setting(z.int().min(leastRateBytesPerSecond).optional(), {
    form: 'bytes',
    flag: '--rate-limit <bytes>',
    en: 'of all downloads of a host together, per second: 500K, 10M',
    zh: '单台主机所有下载合计的每秒速率上限：500K、10M',
    unset: { en: 'no limit', zh: '不限' },
    example: '10M',
    reaches: 'hosts',
    bugReport: 'value',
  }),
};

export type Reserved = z.infer<typeof reservedSchema>;
export type Registry = z.infer<typeof registrySchema>;
