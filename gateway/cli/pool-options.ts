// The options of `pool create` and `pool set`: what each changes of a pool's spec. An option that is not given changes nothing;
// `none` takes a list back to empty.
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import {
  apiServerAccessSchema,
  type DriftPolicy,
  driftPolicySchema,
  networkModeSchema,
} from '../../protocol/desired.ts';
import { Fault } from '../../protocol/fault.ts';
import { defaultThresholds } from '../../protocol/line/thresholds.ts';
import type { CiliumSettings } from '../../protocol/network.ts';
import { evictionSignals, type Registry } from '../../protocol/node-settings.ts';
import { defaultMaskSize, defaultPodCidr } from '../cilium/wish.ts';
import type { PoolSpecInput } from '../pools/pool.ts';
import { byteCount, collect, count, duration, parseLabels, parseTaints } from './parse.ts';

export interface PoolFlags {
  readonly kubernetesVersion?: string;
  readonly network?: 'cilium' | 'external';
  readonly ciliumVersion?: string;
  readonly ciliumImage?: string;
  readonly ciliumOperatorImage?: string;
  readonly podCidr?: string;
  readonly podCidrMaskSize?: number;
  readonly ciliumMtu?: number;
  readonly apiServerAccess?: 'direct' | 'tunnel';
  readonly label?: readonly string[];
  readonly taint?: readonly string[];
  readonly maxNodes?: number;
  readonly clusterDns?: readonly string[];
  readonly clusterDomain?: string;
  readonly maxPods?: number;
  readonly reserve?: readonly string[];
  readonly eviction?: readonly string[];
  readonly imageGcThresholds?: string;
  readonly sandboxImage?: string;
  readonly registryMirror?: readonly string[];
  readonly registryCa?: readonly string[];
  readonly heartbeatInterval?: number;
  readonly metricsInterval?: number;
  readonly line?: readonly string[];
  readonly containerdVersion?: string;
  readonly runcVersion?: string;
  readonly cniPluginsVersion?: string;
  readonly certificateGraceDays?: number;
  readonly agentVersion?: string;
  readonly maxUnavailable?: number;
  readonly healthTimeout?: number;
  readonly driftPolicy?: DriftPolicy;
  readonly driftInterval?: number;
  readonly mirror?: readonly string[];
  readonly rateLimit?: number;
}

export function withPoolOptions(command: Command): Command {
  return command
    .option('--kubernetes-version <version>', 'version of the kubelet (default: that of the cluster)')
    .addOption(
      new Option('--network <mode>', 'cilium, or external when the cluster brings its own CNI').choices(
        networkModeSchema.options,
      ),
    )
    .option('--cilium-version <version>', 'default: the newest that goes with kernel 5.4 and the cluster')
    .option('--cilium-image <image>', 'default: quay.io/cilium/cilium in that version')
    .option('--cilium-operator-image <image>', 'default: quay.io/cilium/operator-generic in that version')
    .option(
      '--pod-cidr <range>',
      `addresses of pods, the same in all cilium pools (default ${defaultPodCidr})`,
    )
    .option('--pod-cidr-mask-size <n>', `size of one node's piece of it (default ${defaultMaskSize})`, count)
    .option('--cilium-mtu <bytes>', "default: by the line's device", count)
    .addOption(
      new Option(
        '--api-server-access <way>',
        'how kubelets reach the API server: direct (default), or tunnel when the line has no way to it',
      ).choices(apiServerAccessSchema.options),
    )
    .option('--label <key=value>', 'label of every node, may be repeated', collect)
    .option('--taint <key[=value]:effect>', 'taint of every node, may be repeated', collect)
    .option('--max-nodes <n>', 'refuse joins above this', count)
    .option(
      '--cluster-dns <address>',
      'DNS server of pods, may be repeated (default: the service kube-dns)',
      collect,
    )
    .option('--cluster-domain <domain>', 'default cluster.local')
    .option('--max-pods <n>', 'pods per node, default 110', count)
    .option(
      '--reserve <part=amount>',
      `kept from pods (${Object.keys(reservedParts).join(', ')}), e.g. memory=2Gi, may be repeated (default: computed from the host)`,
      collect,
    )
    .option(
      '--eviction <signal=threshold>',
      `hard eviction (${evictionSignals.join(', ')}), may be repeated`,
      collect,
    )
    .option('--image-gc-thresholds <high:low>', 'percent of the disk, default 85:80')
    .option('--sandbox-image <image>', 'image of the pause container')
    .option(
      '--registry-mirror <registry=url>',
      'ask this mirror first ("*" for all other registries), may be repeated; "none" for no mirrors',
      collect,
    )
    .option('--registry-ca <registry=file>', 'PEM file with roots for a registry, may be repeated', collect)
    .option('--heartbeat-interval <duration>', 'default 10s', duration)
    .option('--metrics-interval <duration>', 'default 10s', duration)
    .option(
      '--line <limit=number>',
      `what the private line has to hold, may be repeated: ${Object.keys(defaultThresholds).join(', ')}`,
      collect,
    )
    .option('--containerd-version <version>', 'default: the newest in the artifact store that fits')
    .option('--runc-version <version>', 'default: the newest in the artifact store')
    .option('--cni-plugins-version <version>', 'default: the newest in the artifact store')
    .option(
      '--certificate-grace-days <n>',
      'how long an expired certificate may be renewed, default 90',
      count,
    )
    .option('--agent-version <version>', 'of regnode on the hosts (default: as it was installed)')
    .option('--max-unavailable <n>', 'nodes that get other versions at a time, default 1', count)
    .option(
      '--health-timeout <duration>',
      'a version not healthy by then is taken back, default 5m',
      duration,
    )
    .addOption(
      new Option(
        '--drift-policy <policy>',
        'what happens to changes made by hand on a host, default repair',
      ).choices(driftPolicySchema.options),
    )
    .option('--drift-interval <duration>', 'how often a host is looked at, default 5m', duration)
    .option(
      '--mirror <url>',
      'hosts look for archives there first, may be repeated; "none" for no mirrors',
      collect,
    )
    .option('--rate-limit <bytes>', 'of all downloads of a host together, per second: 500K, 10M', byteCount);
}

/** What the flags say, as parts of a spec; `before` is what the lists and maps are changed from. */
export async function poolChanges(flags: PoolFlags, before: Partial<PoolSpecInput> = {}): Promise<object> {
  return withoutUndefined({
    kubernetesVersion: flags.kubernetesVersion,
    network: { mode: flags.network, cilium: changedCilium(flags, before.network?.cilium) },
    apiServerAccess: flags.apiServerAccess,
    labels: flags.label && changedLabels(flags.label, before.labels ?? {}),
    taints: flags.taint && changedTaints(flags.taint, before.taints ?? []),
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

/** Each part with its unit in the spec, and how many of it one of the option's units is. */
const reservedParts = {
  cpu: 'cpuMillicores',
  memory: 'memoryMiB',
  'ephemeral-storage': 'ephemeralStorageMiB',
  pids: 'pids',
} as const;

function parseReserved(texts: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    texts.map((text) => {
      const [part = '', amount = ''] = text.split('=', 2);
      const field = reservedParts[part as keyof typeof reservedParts] as string | undefined;
      const number = field === undefined ? undefined : amountOf(field, amount);
      if (field === undefined || number === undefined) {
        throw new Fault('USAGE', {
          detail: `"${text}" is no reservation: cpu=500m, memory=2Gi, ephemeral-storage=1Gi or pids=1000`,
        });
      }
      return [field, number];
    }),
  );
}

function amountOf(field: string, text: string): number | undefined {
  const [, digits, unit] = /^(\d{1,7})(m|Mi|Gi)?$/.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const number = Number(digits);
  if (field === 'cpuMillicores')
    return unit === 'm' ? number : unit === undefined ? number * 1000 : undefined;
  if (field === 'pids') return unit === undefined ? number : undefined;
  if (unit === 'Gi') return number * 1024;
  return unit === 'Mi' ? number : undefined;
}

function parseEviction(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const [signal = '', threshold = ''] = text.split('=', 2);
      if ((evictionSignals as readonly string[]).includes(signal) && threshold !== '')
        return [signal, threshold];
      throw new Fault('USAGE', { detail: `"${text}" is no eviction: ${evictionSignals[0]}=500Mi or =5%` });
    }),
  );
}

function parseThresholds(text: string) {
  const [, high, low] = /^(\d{1,3}):(\d{1,3})$/.exec(text) ?? [];
  if (high === undefined || low === undefined || Number(low) >= Number(high)) {
    throw new Fault('USAGE', { detail: `"${text}" are no thresholds: 85:80, the higher first` });
  }
  return { highThresholdPercent: Number(high), lowThresholdPercent: Number(low) };
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

async function changedRegistries(
  flags: PoolFlags,
  before: readonly Registry[],
): Promise<readonly Registry[] | undefined> {
  const { registryMirror, registryCa } = flags;
  if (registryMirror === undefined && registryCa === undefined) return undefined;
  // Mirrors are named anew as a whole: their order matters, and one that is taken out should be gone.
  const registries = new Map<string, Registry>();
  for (const one of before)
    registries.set(one.host, registryMirror === undefined ? one : { ...one, mirrors: [] });
  const change = (host: string, patch: (old: Registry) => Registry) =>
    registries.set(host, patch(registries.get(host) ?? { host, mirrors: [] }));
  for (const text of registryMirror ?? []) {
    if (text === 'none') continue;
    const [host, url] = pair(text, 'a mirror: docker.io=https://mirror.example.com');
    change(host, (old) => ({ ...old, mirrors: [...old.mirrors, url] }));
  }
  for (const text of registryCa ?? []) {
    const [host, file] = pair(text, 'a CA: registry.example.com=ca.pem');
    const caPem = await readAuthority(file);
    change(host, (old) => ({ ...old, caPem }));
  }
  return [...registries.values()].filter(({ mirrors, caPem }) => mirrors.length > 0 || caPem !== undefined);
}

function pair(text: string, wanted: string): [string, string] {
  const at = text.indexOf('=');
  if (at < 1 || at === text.length - 1) throw new Fault('USAGE', { detail: `"${text}" is not ${wanted}` });
  return [text.slice(0, at), text.slice(at + 1)];
}

async function readAuthority(file: string): Promise<string> {
  try {
    const text = await readFile(file, 'utf8');
    new X509Certificate(text);
    return text;
  } catch (error) {
    const detail = `${file} is no PEM file with a certificate: ${error instanceof Error ? error.message : error}`;
    throw new Fault('USAGE', { detail }, { cause: error });
  }
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
