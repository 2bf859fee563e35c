// A rollout: which nodes of a pool get its new versions now. Pure. A node is asked for a version by its
// own registration (spec.versions), so what was begun is known to every replica and after every restart.
// One that has to take a version back stops the rollout; one that cannot be reached is passed over until
// it is back. A restart for other settings, which the node itself says that it needs, has its turn in
// the same line (spec.restart).
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { RegisteredNode } from '../resources/registered-node.ts';
import type { RolloutStatus } from '../resources/rollout-status.ts';
import { bare, type Versions } from './desired-state.ts';

export interface RolloutInput {
  /** What the pool asks for in general. */
  readonly target: Versions;
  /** What it asks of a node, where that depends on the host; a fault when the host can't have it. */
  readonly targets?: ReadonlyMap<string, Versions | Fault>;
  readonly nodes: readonly RegisteredNode[];
  readonly maxUnavailable: number;
  readonly toleratedFailures: number;
  readonly paused: boolean;
  /** Why the target can't be had at all; empty when it can. */
  readonly blocked: string;
  readonly generation: number | undefined;
  /** Asked for by the last status written, perhaps not all of them told. */
  readonly begun: readonly string[];
}

export interface RolloutPlan {
  readonly status: RolloutStatus;
  /** Nodes whose registration is to name the target, and the restart that they wait for. */
  readonly ask: readonly { readonly node: string; readonly restart: string | undefined }[];
}

/** As notes of versions name what is none: settings that restart a kubelet or a containerd. */
export const settingsComponent = 'settings';

/**
 * What the gateway asks of a node, before and after its turn; undefined: it is joining
 * and gets what its pool has.
 */
export function askedVersions({ spec, status }: RegisteredNode): Versions | undefined {
  if (spec.versions) return spec.versions;
  const { containerd, runc, kubelet, 'cni-plugins': cni, agent } = status?.versions ?? {};
  if (!containerd || !runc || !kubelet || !cni) return undefined;
  return { containerd, runc, kubelet, 'cni-plugins': cni, ...(agent ? { agent } : {}) };
}

export function planRollout(input: RolloutInput): RolloutPlan {
  const { target, blocked, paused, begun } = input;
  const nodes = input.nodes
    .filter(({ metadata, status }) => !metadata.deletionTimestamp && status?.joinedAt !== undefined)
    .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const name = ({ metadata }: RegisteredNode) => metadata.name;
  const targetOf = (node: RegisteredNode) => input.targets?.get(name(node)) ?? target;
  const refused = nodes.filter((node) => targetOf(node) instanceof Fault);
  const asked = nodes.filter((node) => {
    const target = targetOf(node);
    return !(target instanceof Fault) && isOnlyToRestart(node, target) && !waitsForTurn(node);
  });
  const waiting = nodes.filter((node) => !asked.includes(node) && !refused.includes(node));
  const untold = waiting.filter((node) => begun.includes(name(node)));
  const failed = [...asked, ...refused].flatMap((node) => failureOf(node, targetOf(node)));
  // One that has not reported yet is joining, with the target: whether it ever comes holds nobody up.
  const updating = asked.filter(
    (node) =>
      askedVersions(node) !== undefined &&
      !failed.some((one) => one.node === name(node)) &&
      !isThere(node, targetOf(node)),
  );
  const fresh = waiting.filter((node) => !untold.includes(node));
  // One that is not Ready is not begun with, but for a restart, which may be what it needs and costs nothing.
  const isReady = ({ status }: RegisteredNode) => status?.ready === 'True';
  const reachable = fresh
    .filter((node) => node.status?.tunnel?.connected)
    .filter((node) => isReady(node) || isOnlyToRestart(node, targetOf(node)))
    .toSorted((a, b) => Number(isReady(a)) - Number(isReady(b)));
  const isStopped = failed.length > input.toleratedFailures;
  const mayBegin = !isStopped && !paused && blocked === '';
  const room = Math.max(0, input.maxUnavailable - updating.length - untold.length);
  const next = mayBegin ? reachable.slice(0, room) : [];
  const ask = [...(blocked === '' ? untold : []), ...next];
  const isDone = waiting.length === 0 && updating.length === 0;
  const status: RolloutStatus = {
    state: blocked !== '' ? 'Blocked' : isDone && !isStopped ? 'Done' : mayBegin ? 'Progressing' : 'Paused',
    ...(input.generation === undefined ? {} : { generation: input.generation }),
    target: { ...target },
    total: nodes.length,
    done: asked.length - updating.length - (failed.length - refused.length),
    updating: [...updating, ...ask].map(name).sort(),
    failed,
    unreachable: fresh.filter((node) => !reachable.includes(node)).map(name),
    ...detailOf(blocked, isStopped, paused, failed, updating),
  };
  return { status, ask: ask.map((node) => ({ node: name(node), restart: restartOf(node) })) };
}

/** The restart that it waits for or is at; what no honest agent calls it is none. */
function restartOf({ status }: RegisteredNode): string | undefined {
  return status?.upgrades?.find(
    ({ component, state, to }) =>
      component === settingsComponent &&
      (state === 'waiting' || state === 'trying') &&
      /^[0-9a-f]{16}$/.test(to),
  )?.to;
}

function waitsForTurn(node: RegisteredNode): boolean {
  const restart = restartOf(node);
  return restart !== undefined && restart !== node.spec.restart;
}

function isOnlyToRestart(node: RegisteredNode, target: Versions | Fault): boolean {
  return !(target instanceof Fault) && same(askedVersions(node) ?? target, target);
}

function detailOf(
  blocked: string,
  isStopped: boolean,
  paused: boolean,
  failed: RolloutStatus['failed'],
  updating: readonly RegisteredNode[],
): { detail?: string } {
  if (blocked !== '') return { detail: blocked };
  if (isStopped)
    return {
      detail: failed
        .map(({ node, message }) => `${node}: ${message}`)
        .join('; ')
        .slice(0, 500),
    };
  if (paused) return { detail: 'paused by an operator' };
  // Nothing was tried yet that could be taken back: a download that fails, a full disk.
  const troubled = updating.find(({ status }) => status?.phase === 'Degraded' && status.detail);
  return troubled
    ? { detail: `${troubled.metadata.name}: ${troubled.status?.detail ?? ''}`.slice(0, 500) }
    : {};
}

function failureOf(node: RegisteredNode, target: Versions | Fault): RolloutStatus['failed'] {
  if (target instanceof Fault)
    return [{ node: node.metadata.name, code: target.code, message: target.message }];
  const note = node.status?.upgrades?.find(
    ({ component, to, state }) =>
      state === 'rolled-back' &&
      (component === settingsComponent || bare(to) === bare(target[component] ?? '')),
  );
  if (!note) return [];
  return [
    {
      node: node.metadata.name,
      code: note.code ?? 'UPGRADE_FAILED',
      message: (note.detail ?? 'no reason given').slice(0, 300),
    },
  ];
}

/** On all versions of the target (but for what this host can't have) and Ready on them. */
function isThere({ status }: RegisteredNode, target: Versions | Fault): boolean {
  if (target instanceof Fault) return false;
  const reported = status?.versions ?? {};
  const held = (status?.upgrades ?? []).filter(({ state }) => state === 'held');
  const trying = (status?.upgrades ?? []).some(({ state }) => state === 'trying' || state === 'waiting');
  const isHeld = (component: string) => held.some((note) => note.component === component);
  const hasAll = Object.entries(target).every(
    ([component, version]) => isHeld(component) || bare(reported[component] ?? '') === bare(version),
  );
  return hasAll && !trying && status?.ready === 'True';
}

/** Compares what the target names; a node may have more. */
function same(asked: Versions, target: Versions): boolean {
  return Object.entries(target).every(
    ([component, version]) => bare(asked[component] ?? '') === bare(version),
  );
}
