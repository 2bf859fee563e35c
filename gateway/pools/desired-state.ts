// From a pool, one node's own settings and the artifact store to the desired state of that node:
// pure. `revision` is a hash of all the rest with sorted keys, so it changes exactly when something
// that matters to the host does.
import { createHash } from 'node:crypto';
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { HostTraits } from '../../protocol/compatibility/host-traits.ts';
import { bestVersion, type Situation } from '../../protocol/compatibility/judgement.ts';
import { requireCompatible } from '../../protocol/compatibility/refusal.ts';
import type { Taint } from '../../protocol/grammar.ts';
import { vxlanOverheadBytes } from '../../protocol/line/thresholds.ts';
import {
  type Artifact,
  type DesiredState,
  desiredStateLimitBytes,
  type KubeletAccess,
  type ToldApiServer,
} from '../../protocol/messages/desired.ts';
import type { PoolSpec } from '../../protocol/settings/pool.ts';
import type { OfferedArtifacts } from '../artifacts/store.ts';
import { ciliumVersion } from '../cilium/desired.ts';
import type { RegisteredNodeSpec } from '../resources/registered-node.ts';

type Architecture = Artifact['architecture'];
type NodeSettings = Pick<RegisteredNodeSpec, 'labels' | 'taints' | 'versions' | 'upgradeAttempt' | 'restart'>;
/** Component → version. */
export type Versions = Readonly<Record<string, string>>;
type Single = Exclude<Artifact['component'], 'images'>;

/** The same for all pools. */
export interface OfGateway {
  /** Of a pool that does not say. */
  readonly kubeletAccess?: KubeletAccess;
  readonly apiServer?: ToldApiServer;
}

export function desiredState(
  pool: { readonly name: string; readonly spec: PoolSpec },
  node: NodeSettings,
  architecture: Architecture,
  { serial, sha256, artifacts }: OfferedArtifacts,
  host: HostTraits = {},
  { kubeletAccess = 'direct', apiServer }: OfGateway = {},
): DesiredState {
  const { spec } = pool;
  const rest: Omit<DesiredState, 'revision'> = {
    pool: pool.name,
    kubernetesVersion: node.versions?.kubelet ?? spec.kubernetesVersion,
    network: { mode: spec.network.mode },
    apiServerAccess: spec.apiServerAccess,
    kubeletAccess: spec.kubeletAccess ?? kubeletAccess,
    ...(apiServer && { apiServer }),
    labels: nodeLabels(pool, node),
    taints: nodeTaints(spec, node),
    kubelet: spec.kubelet,
    containerd: spec.containerd,
    telemetry: spec.telemetry,
    manifest: { serial, sha256 },
    line: { ...spec.line, podMtuBytes: podMtuBytes(spec) },
    downloads: spec.downloads,
    driftPolicy: spec.driftPolicy,
    driftIntervalMs: spec.driftIntervalMs,
    upgrade: {
      healthTimeoutMs: spec.upgrade.healthTimeoutMs,
      attempt: node.upgradeAttempt ?? '',
      drain: spec.upgrade.drain,
      restart: node.restart ?? '',
    },
    artifacts: chooseArtifacts(
      node.versions ?? targetVersions(spec, architecture, artifacts, host),
      artifacts.filter((artifact) => artifact.architecture === architecture),
      architecture,
    ),
  };
  return assertFits({ revision: revisionOf(rest), ...rest });
}

/** A longer message would end the tunnel of each host that gets it, again and again. */
export function assertFits<State extends { readonly pool: string }>(state: State): State {
  const bytes = Buffer.byteLength(JSON.stringify(state));
  if (bytes <= desiredStateLimitBytes) return state;
  throw new Fault('DESIRED_STATE_TOO_LARGE', { pool: state.pool, bytes, limit: desiredStateLimitBytes });
}

/** What Cilium gives pods when it is told an MTU; else the agent goes by its own device. */
function podMtuBytes({ line, network }: PoolSpec): number {
  const deviceBytes = network.cilium?.mtu;
  return line.podMtuBytes || (deviceBytes ? deviceBytes - vxlanOverheadBytes : 0);
}

/** Every node says which pool it belongs to; its own labels win over the pool's. */
export function nodeLabels(
  pool: { name: string; spec: PoolSpec },
  node: NodeSettings,
): Record<string, string> {
  return sorted({ ...pool.spec.labels, ...node.labels, 'regnode.io/pool': pool.name });
}

export function nodeTaints(spec: PoolSpec, node: NodeSettings): Taint[] {
  const taints = new Map<string, Taint>();
  for (const taint of [...spec.taints, ...(node.taints ?? [])])
    taints.set(`${taint.key}:${taint.effect}`, taint);
  return [...taints.keys()].sort().flatMap((key) => taints.get(key) ?? []);
}

/**
 * Where a rollout of the pool leads on a host: what the pool names, and the best of the store
 * for the rest. Only the agent stays what it is until the pool names a version: a new release of
 * the gateway changes no host.
 */
export function targetVersions(
  spec: PoolSpec,
  architecture: Architecture,
  store: readonly Artifact[],
  host: HostTraits = {},
): Versions {
  const situation = { host, kubeletVersion: spec.kubernetesVersion };
  requireCompatible('kubelet', spec.kubernetesVersion, situation);
  if (spec.network.mode === 'cilium') requireCompatible('cilium', ciliumVersion(spec), situation);
  const fitting = store.filter((artifact) => artifact.architecture === architecture);
  const { runc, cniPlugins, agent } = spec.componentVersions;
  const target = (component: Single, version: string | undefined): Versions => ({
    [component]: choose(component, version, fitting, architecture).version,
  });
  return {
    ...target('containerd', containerdVersion(spec, fitting, situation)),
    ...target('runc', runc),
    ...target('kubelet', spec.kubernetesVersion),
    ...target('cni-plugins', cniPlugins),
    ...(agent === undefined ? {} : target('agent', agent)),
  };
}

/** Of those that fit the architecture; without a version the newest. */
function choose(
  component: Single,
  version: string | undefined,
  fitting: readonly Artifact[],
  architecture: Architecture,
): Artifact {
  const all = fitting.filter((artifact) => artifact.component === component);
  const newest = (best: Artifact | undefined, one: Artifact) =>
    best && !isNewer(one.version, best.version) ? best : one;
  const chosen =
    version === undefined
      ? all.reduce<Artifact | undefined>(newest, undefined)
      : all.find((artifact) => bare(artifact.version) === bare(version));
  if (chosen) return chosen;
  throw new Fault('ARTIFACT_MISSING', { name: component, version: version ?? '-', architecture });
}

function chooseArtifacts(
  versions: Versions,
  fitting: readonly Artifact[],
  architecture: Architecture,
): Artifact[] {
  const has = (wanted: string) => fitting.some(({ component }) => component === wanted);
  // A host whose own agent is none of the store's keeps it: a package, a release that was taken out.
  const agent = fitting.find(({ component, version }) => component === 'agent' && version === versions.agent);
  return [
    choose('containerd', versions.containerd, fitting, architecture),
    choose('runc', versions.runc, fitting, architecture),
    choose('kubelet', versions.kubelet, fitting, architecture),
    choose('cni-plugins', versions['cni-plugins'], fitting, architecture),
    ...(has('crictl') ? [choose('crictl', undefined, fitting, architecture)] : []),
    ...(agent ? [agent] : []),
    ...fitting.filter(({ component }) => component === 'images').sort((a, b) => (a.path < b.path ? -1 : 1)),
  ];
}

/** The pool's, or the best in the store that goes with the host and the kubelet. */
function containerdVersion(
  spec: PoolSpec,
  fitting: readonly Artifact[],
  situation: Situation,
): string | undefined {
  const asked = spec.componentVersions.containerd;
  const versions = fitting.flatMap(({ component, version }) => (component === 'containerd' ? [version] : []));
  const version = asked ?? bestVersion('containerd', versions, situation) ?? versions[0];
  if (version !== undefined) requireCompatible('containerd', version, situation);
  return version;
}

/** Compares as people read versions: 1.10 is newer than 1.9, a release newer than its -rc. */
export function isNewer(a: string, b: string): boolean {
  const [mainA = '', ...preA] = bare(a).split('-');
  const [mainB = '', ...preB] = bare(b).split('-');
  const main = mainA.localeCompare(mainB, 'en', { numeric: true });
  if (main !== 0) return main > 0;
  if (preA.length === 0 || preB.length === 0) return preA.length === 0 && preB.length > 0;
  return preA.join('-').localeCompare(preB.join('-'), 'en', { numeric: true }) > 0;
}

function revisionOf(rest: Omit<DesiredState, 'revision'>): string {
  return createHash('sha256').update(canonical(rest)).digest('hex').slice(0, 16);
}

/** JSON with the keys of every object sorted. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? sorted(part as Record<string, unknown>)
      : part,
  );
}

function sorted<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

export const bare = (version: string) => version.replace(/^v(?=\d)/, '');
