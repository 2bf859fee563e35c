// What the options of `pool create` and `pool set` change of a pool's spec.
import { Fault } from '../../protocol/catalogue/fault.ts';
import { defaultThresholds } from '../../protocol/line/thresholds.ts';
import type { CiliumSettings } from '../../protocol/messages/network.ts';
import type { PoolSpecInput } from '../resources/node-pool.ts';
import { parseLabels, parseTaints, requireRange } from './parse.ts';
import { parseEviction, parseReserved, parseThresholds } from './pool-kubelet-options.ts';
import type { PoolFlags } from './pool-options.ts';
import { changedRegistries } from './pool-registries.ts';

/** What the flags say, as parts of a spec; `before` is what the lists and maps are changed from. */
export async function poolChanges(flags: PoolFlags, before: Partial<PoolSpecInput> = {}): Promise<object> {
  return withoutUndefined({
    kubernetesVersion: flags.kubernetesVersion,
    network: { mode: flags.network, cilium: changedCilium(flags, before.network?.cilium) },
    apiServerAccess: flags.apiServerAccess,
    kubeletAccess: flags.kubeletAccess,
    labels: flags.label && changedLabels(flags.label, before.labels ?? {}),
    taints: flags.taint && changedTaints(flags.taint, before.taints ?? []),
    nodeCidrs: flags.nodeCidr?.filter((text) => text !== 'none').map(requireRange),
    maxNodes: flags.maxNodes,
    kubelet: {
      clusterDns: flags.clusterDns,
      clusterDomain: flags.clusterDomain,
      maxPods: flags.maxPods,
      reserved: flags.reserve && { ...before.kubelet?.reserved, ...parseReserved(flags.reserve) },
      evictionHard: flags.eviction && { ...before.kubelet?.evictionHard, ...parseEviction(flags.eviction) },
      imageGarbageCollection:
        flags.imageGcThresholds === undefined ? undefined : parseThresholds(flags.imageGcThresholds),
    },
    containerd: {
      sandboxImage: flags.sandboxImage,
      registries: await changedRegistries(flags, before.containerd?.registries ?? []),
    },
    telemetry: { heartbeatIntervalMs: flags.heartbeatInterval, metricsIntervalMs: flags.metricsInterval },
    line: flags.line && { ...before.line, ...lineLimits(flags.line) },
    componentVersions: {
      containerd: flags.containerdVersion,
      runc: flags.runcVersion,
      cniPlugins: flags.cniPluginsVersion,
      agent: flags.agentVersion,
    },
    upgrade: {
      maxUnavailable: flags.maxUnavailable,
      healthTimeoutMs: flags.healthTimeout,
      drain: flags.upgradeDrain,
      // What failed with other versions says nothing about these.
      toleratedFailures: namesVersions(flags) ? 0 : undefined,
    },
    driftIntervalMs: flags.driftInterval,
    downloads: {
      mirrors: flags.mirror?.filter((url) => url !== 'none'),
      rateLimitBytesPerSecond: flags.rateLimit,
    },
    certificateGraceDays: flags.certificateGraceDays,
    driftPolicy: flags.driftPolicy,
  });
}

export function namesVersions(flags: PoolFlags): boolean {
  const { kubernetesVersion, containerdVersion, runcVersion, cniPluginsVersion, agentVersion } = flags;
  return [kubernetesVersion, containerdVersion, runcVersion, cniPluginsVersion, agentVersion].some(
    (version) => version !== undefined,
  );
}

function changedLabels(texts: readonly string[], before: Readonly<Record<string, string>>) {
  const labels = { ...before };
  for (const [key, value] of Object.entries(parseLabels(texts))) {
    if (value === null) delete labels[key];
    else labels[key] = value;
  }
  return labels;
}

function changedCilium(flags: PoolFlags, before: CiliumSettings | undefined): object | undefined {
  const given = withoutUndefined({
    version: flags.ciliumVersion,
    image: flags.ciliumImage,
    operatorImage: flags.ciliumOperatorImage,
    podCidr: flags.podCidr,
    podCidrMaskSize: flags.podCidrMaskSize,
    mtu: flags.ciliumMtu,
  });
  return Object.keys(given).length === 0 ? undefined : { ...before, ...given };
}

function changedTaints(texts: readonly string[], before: NonNullable<PoolSpecInput['taints']>) {
  const { set, remove } = parseTaints(texts);
  const isRemoved = (taint: { key: string; effect: string }) =>
    remove.some(({ key, effect }) => key === taint.key && (effect ?? taint.effect) === taint.effect);
  const isSet = (taint: { key: string; effect: string }) =>
    set.some(({ key, effect }) => key === taint.key && effect === taint.effect);
  return [...before.filter((taint) => !isRemoved(taint) && !isSet(taint)), ...set];
}

/** `rttMs=100` and the like; the schema says what each may be. */
function lineLimits(texts: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    texts.map((text) => {
      const [name = '', value = ''] = text.split('=');
      if (name in defaultThresholds && value.trim() !== '') return [name, Number(value)];
      const known = Object.keys(defaultThresholds).join(', ');
      throw new Fault('USAGE', { detail: `--line ${text}: LIMIT=NUMBER, of ${known}` });
    }),
  );
}

/** At any depth; an object that has nothing left is left out as well, unless it was empty on purpose. */
function withoutUndefined(value: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const entries = Object.entries(value).flatMap(([key, item]) => {
    if (item === undefined) return [];
    if (typeof item !== 'object' || item === null || Array.isArray(item)) return [[key, item] as const];
    const inner = withoutUndefined(item as Readonly<Record<string, unknown>>);
    const isLeftEmpty = Object.keys(inner).length === 0 && Object.keys(item).length > 0;
    return isLeftEmpty ? [] : [[key, inner] as const];
  });
  return Object.fromEntries(entries);
}
