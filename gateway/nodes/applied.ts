// What is written onto a Node object: the labels and taints of its pool and its own, and cordon. What was
// written last stands in the registration's status, which only the gateway may write: a kubelet may write
// its own Node, so nothing there says what is ours. So a label that leaves the pool leaves the node too,
// and whatever others put there stays; cordon is written only when what is desired changes, so kubectl
// uncordon is not fought. Pure.
import type { NodeObject, Taint } from '../kubernetes/kinds.ts';
import { type Applied, appliedSchema, type RegisteredNode } from '../resources/registered-node.ts';
import { type NodePatch, taintPatches } from './taint-patches.ts';

/** Where this memory was before; a kubelet could write it. */
export const formerAnnotation = 'regnode.io/applied';

export interface DesiredNode {
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  readonly unschedulable: boolean;
}

/** In this order: what is begun is remembered, then the Node is written, then what is done is remembered. */
export interface NodeWriting {
  /** Everything that may be ours from now on, should the next step be the last. */
  readonly begun: Applied;
  /** None when the Node is as desired. */
  readonly patches: readonly NodePatch[];
  readonly done: Applied;
}

export function nodeWriting(node: NodeObject, desired: DesiredNode, before: Applied): NodeWriting {
  const done: Applied = {
    labels: Object.keys(desired.labels).sort(),
    taints: desired.taints.map(taintKey).sort(),
    unschedulable: desired.unschedulable,
  };
  const begun: Applied = {
    labels: union(before.labels, done.labels),
    taints: union(before.taints, done.taints),
    // Remembered only when it is done: else one that was cut off would never be made up for.
    unschedulable: before.unschedulable,
  };
  return { begun, patches: nodePatches(node, desired, before), done };
}

/** What was written onto this very Node; nothing when it is another one, or the memory has not its form. */
export function appliedOf({ status }: RegisteredNode, node: NodeObject): Applied {
  const parsed = appliedSchema.safeParse(status?.applied);
  if (parsed.success && status?.nodeUid === node.metadata.uid) return parsed.data;
  return { labels: [], taints: [], unschedulable: false };
}

export function nodePatches(node: NodeObject, desired: DesiredNode, before: Applied): readonly NodePatch[] {
  const labels = labelChanges(node, desired, before);
  const taints = taintsAfter(node, desired, before);
  const cordonDiffers =
    desired.unschedulable !== before.unschedulable &&
    desired.unschedulable !== (node.spec?.unschedulable ?? false);
  const hasFormer = node.metadata.annotations?.[formerAnnotation] !== undefined;
  const body = {
    metadata: {
      uid: node.metadata.uid,
      labels,
      ...(hasFormer ? { annotations: { [formerAnnotation]: null } } : {}),
    },
    spec: cordonDiffers ? { unschedulable: desired.unschedulable || null } : {},
  };
  const differs = Object.keys(labels).length > 0 || cordonDiffers || hasFormer;
  return [...taintPatches(node, taints), ...(differs ? [{ type: 'merge', body } as const] : [])];
}

function labelChanges(
  node: NodeObject,
  desired: DesiredNode,
  before: Applied,
): Record<string, string | null> {
  const labels = node.metadata.labels ?? {};
  const changes: Record<string, string | null> = {};
  for (const [key, value] of Object.entries(desired.labels)) if (labels[key] !== value) changes[key] = value;
  for (const key of before.labels) if (!(key in desired.labels) && key in labels) changes[key] = null;
  return changes;
}

function taintsAfter(node: NodeObject, desired: DesiredNode, before: Applied): readonly Taint[] {
  const wanted = new Set(desired.taints.map(taintKey));
  const ours = new Set(before.taints);
  const others = (node.spec?.taints ?? []).filter((taint) => {
    const key = taintKey(taint);
    return !wanted.has(key) && !ours.has(key);
  });
  const kept = node.spec?.taints ?? [];
  return [
    ...others,
    ...desired.taints.map((taint) => kept.find((old) => sameTaints([old], [taint])) ?? taint),
  ];
}

function sameTaints(a: readonly Taint[], b: readonly Taint[]): boolean {
  const text = (taints: readonly Taint[]) =>
    taints
      .map(({ key, value, effect }) => `${key}=${value ?? ''}:${effect}`)
      .sort()
      .join();
  return text(a) === text(b);
}

const union = (a: readonly string[], b: readonly string[]) => [...new Set([...a, ...b])].sort();
const taintKey = ({ key, effect }: Taint) => `${key}:${effect}`;
