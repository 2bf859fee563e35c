// From the pools to the one Cilium of the cluster: which pools get its agent, in which version, where the
// operator runs and how it reaches the API server. Pure. Pools share the range of pod addresses, because one
// operator hands it out: the oldest pool decides, and one that wants another is told so.
import { bestVersion } from '../../protocol/compatibility/judgement.ts';
import type { ApiServerAccess } from '../../protocol/messages/desired.ts';
import { type CiliumSettings, defaultMaskSize, defaultPodCidr } from '../../protocol/settings/network.ts';
import type { PoolSpec } from '../../protocol/settings/pool.ts';
import { type PoolObject, poolSpec } from '../resources/node-pool.ts';

/** Releases that a pool gets which names none; the table chooses by the cluster. */
const releases = ['1.17.9', '1.15.15'];
/** The kernel that registered hosts come with: what runs there runs on later ones. */
const commonKernel = '5.4.119';

export interface CiliumPool {
  readonly name: string;
  readonly version: string;
  readonly image: string;
  readonly operatorImage: string;
  readonly access: ApiServerAccess;
  readonly mtu: number | undefined;
}

export interface DesiredCilium {
  /** Oldest first. */
  readonly pools: readonly [CiliumPool, ...CiliumPool[]];
  readonly podCidr: string;
  readonly maskSize: number;
  /** Whose version and access the operator has, and the pools on whose nodes it may run. */
  readonly operator: { readonly pool: CiliumPool; readonly nodesOf: readonly string[] };
  /** Pool → what it wants and can't have. */
  readonly refused: ReadonlyMap<string, string>;
}

export function ciliumVersion(spec: Pick<PoolSpec, 'kubernetesVersion' | 'network'>): string {
  const version = spec.network.cilium?.version;
  if (version !== undefined) return version.replace(/^v/, '');
  const situation = { host: { kernelRelease: commonKernel }, kubeletVersion: spec.kubernetesVersion };
  return bestVersion('cilium', releases, situation) ?? releases[0] ?? '';
}

/** undefined: no pool wants Cilium. `nodeCount` says how many nodes a pool has. */
export function desiredCilium(
  pools: Iterable<PoolObject>,
  nodeCount: (pool: string) => number,
): DesiredCilium | undefined {
  const candidates = [...pools]
    .flatMap((pool) => readable(pool))
    .filter(({ spec }) => spec.network.mode === 'cilium')
    .sort((a, b) => (a.age < b.age ? -1 : a.age > b.age ? 1 : a.name < b.name ? -1 : 1));
  const [oldest] = candidates;
  if (oldest === undefined) return undefined;
  const range = rangeOf(oldest.spec.network.cilium);
  const refused = new Map<string, string>();
  for (const { name, spec } of candidates) {
    const other = rangeOf(spec.network.cilium);
    if (other.podCidr === range.podCidr && other.maskSize === range.maskSize) continue;
    refused.set(
      name,
      `pod addresses ${other.podCidr} in pieces of /${other.maskSize}: the pool ${oldest.name} has ${range.podCidr} and /${range.maskSize}, and a cluster has one range`,
    );
  }
  const [first, ...others] = candidates.map(({ name, spec }) => poolOf(name, spec));
  if (first === undefined) return undefined;
  return {
    pools: [first, ...others],
    ...range,
    operator: operatorPlace([first, ...others], nodeCount),
    refused,
  };
}

/** With those pools that have nodes; direct ones before, since their way is the shorter. */
function operatorPlace(
  pools: readonly [CiliumPool, ...CiliumPool[]],
  nodeCount: (pool: string) => number,
): DesiredCilium['operator'] {
  const [oldest] = pools;
  const populated = pools.filter(({ name }) => nodeCount(name) > 0);
  const lead = populated.find(({ access }) => access === 'direct') ?? populated[0] ?? oldest;
  const nodesOf = pools.filter(({ access }) => access === lead.access).map(({ name }) => name);
  return { pool: lead, nodesOf };
}

function rangeOf(settings: CiliumSettings | undefined) {
  return {
    podCidr: settings?.podCidr ?? defaultPodCidr,
    maskSize: settings?.podCidrMaskSize ?? defaultMaskSize,
  };
}

function poolOf(name: string, spec: PoolSpec): CiliumPool {
  const version = ciliumVersion(spec);
  const { image, operatorImage, mtu } = spec.network.cilium ?? {};
  return {
    name,
    version,
    image: image ?? `quay.io/cilium/cilium:v${version}`,
    operatorImage: operatorImage ?? `quay.io/cilium/operator-generic:v${version}`,
    access: spec.apiServerAccess,
    mtu,
  };
}

/** A pool that is not valid has no nodes to come; the others go on. */
function readable(pool: PoolObject) {
  try {
    const { name, creationTimestamp: age = '' } = pool.metadata;
    return [{ name, age, spec: poolSpec(pool) }];
  } catch {
    return [];
  }
}
