// Changes that an operator makes to one node: first to its registration, which lasts, then to its
// Node object at once, so that the command has worked when it returns, gateway or no gateway. Pure
// parts and the writing of them.
import { isDeepStrictEqual } from 'node:util';
import { type Taint, taintEffectSchema } from '../../protocol/grammar.ts';
import { type NodeObject, nodes } from '../kubernetes/kinds.ts';
import { isFailure, type Kubernetes, update } from '../kubernetes/kubernetes.ts';
import { nodeLabels, nodeTaints } from '../pools/desired-state.ts';
import { nodePools, poolSpec } from '../resources/node-pool.ts';
import {
  type Applied,
  type RegisteredNode,
  type RegisteredNodeSpec,
  registeredNodes,
} from '../resources/registered-node.ts';
import { appliedOf, nodePatches } from './applied.ts';
import { ownNode } from './own-node.ts';

export interface NodeChanges {
  /** null takes away. */
  readonly labels?: Readonly<Record<string, string | null>>;
  readonly taints?: {
    readonly set: readonly Taint[];
    readonly remove: readonly { key: string; effect?: string }[];
  };
  readonly unschedulable?: boolean;
}

export function changedSpec(spec: RegisteredNodeSpec, changes: NodeChanges): RegisteredNodeSpec {
  const labels = { ...spec.labels };
  for (const [key, value] of Object.entries(changes.labels ?? {})) {
    if (value === null) delete labels[key];
    else labels[key] = value;
  }
  const { set = [], remove = [] } = changes.taints ?? {};
  const taints = (spec.taints ?? [])
    .filter(
      (taint) =>
        !remove.some(({ key, effect }) => key === taint.key && (effect ?? taint.effect) === taint.effect),
    )
    .filter((taint) => !set.some(({ key, effect }) => key === taint.key && effect === taint.effect));
  return {
    ...spec,
    labels,
    taints: [...taints, ...set],
    ...(changes.unschedulable === undefined ? {} : { unschedulable: changes.unschedulable }),
  };
}

/** The spec with the changes, or undefined when it is so already. */
export function differentSpec(
  spec: RegisteredNodeSpec,
  changes: NodeChanges,
): RegisteredNodeSpec | undefined {
  const changed = changedSpec(spec, changes);
  return isDeepStrictEqual(changed, { labels: {}, taints: [], ...spec }) ? undefined : changed;
}

/** True when the registration or the Node object was changed. */
export async function changeNode(
  kubernetes: Kubernetes,
  name: string,
  changes: NodeChanges,
): Promise<boolean> {
  let changed = false;
  const registered = await update(kubernetes, registeredNodes, { name }, (node) => {
    const spec = differentSpec(node.spec, changes);
    changed = spec !== undefined;
    return spec && { ...node, spec };
  });
  if (!registered) return false;
  const written = await writeNode(kubernetes, registered, changes);
  return changed || written;
}

async function writeNode(
  kubernetes: Kubernetes,
  registered: RegisteredNode,
  changes: NodeChanges,
): Promise<boolean> {
  const { name } = registered.metadata;
  const pool = await kubernetes.get(nodePools, registered.spec.pool);
  if (!pool) return false;
  const spec = poolSpec(pool);
  const desired = {
    labels: nodeLabels({ name: registered.spec.pool, spec }, registered.spec),
    taints: nodeTaints(spec, registered.spec),
    unschedulable: registered.spec.unschedulable ?? false,
  };
  for (let attempt = 0; ; attempt++) {
    const node = ownNode(registered, await kubernetes.get(nodes, name));
    if (!node) return false;
    // What was written is remembered by the gateway, when it sees the change; operators may not write that.
    const before = appliedOf(registered, node);
    const direct = directPatch(node, desired.labels, changes);
    const patches = [
      ...nodePatches(node, desired, withRemoved(before, changes)),
      ...(direct === undefined ? [] : [{ type: 'merge', body: direct } as const]),
    ];
    try {
      for (const { type, body } of patches) await kubernetes.patch(nodes, name, body, { type });
      return patches.length > 0;
    } catch (error) {
      if (!isFailure(error, 'Conflict', 'Invalid') || attempt >= 10) throw error;
    }
  }
}

/** Taints that are taken away by name go, whoever put them there. */
function withRemoved(before: Applied, { taints }: NodeChanges): Applied {
  const removed = (taints?.remove ?? []).flatMap(({ key, effect }) =>
    (effect === undefined ? taintEffectSchema.options : [effect]).map((one) => `${key}:${one}`),
  );
  return { ...before, taints: [...before.taints, ...removed] };
}

/** What was asked for by name holds even for a label, or a cordon, that somebody else had put there. */
function directPatch(
  node: NodeObject,
  desired: Readonly<Record<string, string>>,
  changes: NodeChanges,
): object | undefined {
  const labels = Object.fromEntries(
    Object.entries(changes.labels ?? {}).filter(
      ([key, value]) => value === null && !(key in desired) && key in (node.metadata.labels ?? {}),
    ),
  );
  const cordon =
    changes.unschedulable !== undefined && changes.unschedulable !== (node.spec?.unschedulable ?? false);
  if (Object.keys(labels).length === 0 && !cordon) return undefined;
  return {
    metadata: { uid: node.metadata.uid, labels },
    ...(cordon ? { spec: { unschedulable: changes.unschedulable || null } } : {}),
  };
}
