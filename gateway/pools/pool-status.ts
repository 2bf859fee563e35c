// A pool's numbers (nodes, connected, Ready) and its rollout, written when they change. A rollout goes on
// in two steps: its status names the nodes that are next, against the version of the pool that was looked
// at, so of two replicas one is refused; then the registrations of those nodes ask for the new versions. A
// crash in between is made up for.
import { isDeepStrictEqual } from 'node:util';
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { Artifact } from '../../protocol/messages/desired.ts';
import type { PoolSpec } from '../../protocol/settings/pool.ts';
import { isFailure, type Kubernetes, update } from '../kubernetes/kubernetes.ts';
import { nodePools, type PoolObject, poolSpec } from '../resources/node-pool.ts';
import { type RegisteredNode, registeredNodes } from '../resources/registered-node.ts';
import { targetVersions, type Versions } from './desired-state.ts';
import { planRollout, type RolloutPlan } from './rollout.ts';
import { skewFault } from './skew.ts';

interface View {
  readonly pools: { get(name: string): PoolObject | undefined };
  readonly registered: { values(): Iterable<RegisteredNode> };
}

/** Milliseconds after which it wants to look again, if so. */
export async function writePoolStatus(
  kubernetes: Kubernetes,
  name: string,
  view: View,
  artifacts: () => Promise<readonly Artifact[]>,
): Promise<number | undefined> {
  if (!view.pools.get(name)) return undefined;
  // Fresh from the API server: who begins a node on what was true a moment ago begins one too many.
  const [pool, { items }] = await Promise.all([
    kubernetes.get(nodePools, name),
    kubernetes.list(registeredNodes, { labelSelector: `regnode.io/pool=${name}` }),
  ]);
  if (!pool) return undefined;
  const nodes = items.filter(({ spec }) => spec.pool === name);
  const rollout = await nextRollout(kubernetes, pool, nodes, await artifacts());
  const status = { ...numbersOf(nodes), ...(rollout ? { rollout: rollout.status } : {}) };
  if (!isDeepStrictEqual(pool.status ?? {}, status)) {
    try {
      await kubernetes.replace(nodePools, { ...pool, status }, 'status');
    } catch (error) {
      if (isFailure(error, 'NotFound')) return undefined;
      if (isFailure(error, 'Conflict')) return 500;
      throw error;
    }
  }
  for (const { node, restart } of rollout?.ask ?? []) {
    const versions = rollout?.targets.get(node);
    if (versions && !(versions instanceof Fault)) await askFor(kubernetes, node, versions, restart);
  }
  return undefined;
}

function numbersOf(nodes: readonly RegisteredNode[]): { nodes: number; connected: number; ready: number } {
  return {
    nodes: nodes.length,
    connected: nodes.filter(({ status }) => status?.tunnel?.connected).length,
    ready: nodes.filter(({ status }) => status?.ready === 'True').length,
  };
}

/** undefined when the pool itself can't be read: there is nowhere to go. */
async function nextRollout(
  kubernetes: Kubernetes,
  pool: PoolObject,
  nodes: readonly RegisteredNode[],
  store: readonly Artifact[],
): Promise<(RolloutPlan & { targets: ReadonlyMap<string, Versions | Fault> }) | undefined> {
  const known = pool.status?.rollout;
  let target: Versions = known?.target ?? {};
  let blocked = '';
  let spec: PoolSpec;
  try {
    spec = poolSpec(pool);
  } catch {
    return undefined;
  }
  const targets = new Map(nodes.map((node) => [node.metadata.name, targetOf(spec, node, store)]));
  try {
    target = targetVersions(spec, nodes[0]?.status?.facts?.architecture ?? 'amd64', store);
    if (!isDeepStrictEqual(target, known?.target)) await assertSkew(kubernetes, target);
    else if (known?.state === 'Blocked') await assertSkew(kubernetes, target);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    blocked = error.message;
  }
  const { maxUnavailable, toleratedFailures, paused } = spec.upgrade;
  const begun = isDeepStrictEqual(target, known?.target) ? (known?.updating ?? []) : [];
  const { generation } = pool.metadata;
  const limits = { maxUnavailable, toleratedFailures, paused };
  const plan = planRollout({ target, targets, nodes, ...limits, blocked, generation, begun });
  const isOver = plan.status.state === 'Done' && generation === known?.generation && nodes.every(isSettled);
  const wayBefore = isOver ? undefined : known?.apiServerAccess;
  const way = spec.apiServerAccess === 'tunnel' ? 'tunnel' : wayBefore;
  return { ...plan, status: { ...plan.status, ...(way ? { apiServerAccess: way } : {}) }, targets };
}

/** It has what its pool desires, or cannot be heard. */
function isSettled({ status }: RegisteredNode): boolean {
  const configured = status?.conditions?.find(({ type }) => type === 'Configured');
  return !status?.tunnel?.connected || configured?.status === 'True';
}

function targetOf(spec: PoolSpec, { status }: RegisteredNode, store: readonly Artifact[]): Versions | Fault {
  try {
    return targetVersions(spec, status?.facts?.architecture ?? 'amd64', store, status?.facts);
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
}

async function assertSkew(kubernetes: Kubernetes, target: Versions): Promise<void> {
  const { gitVersion } = (await kubernetes.request('GET', '/version')) as { gitVersion?: string };
  const fault = skewFault(target.kubelet ?? '', gitVersion ?? '');
  if (fault) throw fault;
}

async function askFor(
  kubernetes: Kubernetes,
  name: string,
  target: Versions,
  restart: string | undefined,
): Promise<void> {
  await update(kubernetes, registeredNodes, { name }, (node) => {
    const spec = { ...node.spec, versions: { ...target }, ...(restart === undefined ? {} : { restart }) };
    if (node.metadata.deletionTimestamp || isDeepStrictEqual(node.spec, spec)) return undefined;
    return { ...node, spec };
  });
}
