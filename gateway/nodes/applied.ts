// What is written onto a Node object: the labels and taints of its pool and its own, and cordon. An annotation remembers what was
// written last, so that a label that leaves the pool leaves the node too, while whatever others put there
// stays; cordon is written only when the wish changes, so kubectl uncordon is not fought.
import type { NodeObject, Taint } from '../kubernetes/kinds.ts';

export const appliedAnnotation = 'regnode.io/applied';

export interface NodeWish {
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  readonly unschedulable: boolean;
}

interface Applied {
  readonly labels: readonly string[];
  readonly taints: readonly string[];
  readonly unschedulable: boolean;
}

/** A merge patch that makes the node as wished, or undefined when it is so. Conflicts when the node has changed since. */
export function nodePatch(node: NodeObject, wish: NodeWish): object | undefined {
  const before = readApplied(node);
  const after: Applied = {
    labels: Object.keys(wish.labels).sort(),
    taints: wish.taints.map(taintKey).sort(),
    unschedulable: wish.unschedulable,
  };
  const labels = labelChanges(node, wish, before);
  const taints = taintsAfter(node, wish, before);
  const taintsDiffer = !sameTaints(taints, node.spec?.taints ?? []);
  const cordonDiffers =
    wish.unschedulable !== before.unschedulable && wish.unschedulable !== (node.spec?.unschedulable ?? false);
  const annotation = JSON.stringify(after);
  const annotationDiffers = node.metadata.annotations?.[appliedAnnotation] !== annotation;
  if (Object.keys(labels).length === 0 && !taintsDiffer && !cordonDiffers && !annotationDiffers)
    return undefined;
  return {
    metadata: {
      // Taints are one list: somebody else's may have come since we looked.
      ...(taintsDiffer ? { resourceVersion: node.metadata.resourceVersion } : {}),
      labels,
      annotations: { [appliedAnnotation]: annotation },
    },
    spec: {
      ...(taintsDiffer ? { taints } : {}),
      ...(cordonDiffers ? { unschedulable: wish.unschedulable || null } : {}),
    },
  };
}

function labelChanges(node: NodeObject, wish: NodeWish, before: Applied): Record<string, string | null> {
  const labels = node.metadata.labels ?? {};
  const changes: Record<string, string | null> = {};
  for (const [key, value] of Object.entries(wish.labels)) if (labels[key] !== value) changes[key] = value;
  for (const key of before.labels) if (!(key in wish.labels) && key in labels) changes[key] = null;
  return changes;
}

function taintsAfter(node: NodeObject, wish: NodeWish, before: Applied): readonly Taint[] {
  const wished = new Set(wish.taints.map(taintKey));
  const ours = new Set(before.taints);
  const others = (node.spec?.taints ?? []).filter((taint) => {
    const key = taintKey(taint);
    return !wished.has(key) && !ours.has(key);
  });
  const kept = node.spec?.taints ?? [];
  return [...others, ...wish.taints.map((taint) => kept.find((old) => sameTaints([old], [taint])) ?? taint)];
}

function sameTaints(a: readonly Taint[], b: readonly Taint[]): boolean {
  const text = (taints: readonly Taint[]) =>
    taints
      .map(({ key, value, effect }) => `${key}=${value ?? ''}:${effect}`)
      .sort()
      .join();
  return text(a) === text(b);
}

function readApplied(node: NodeObject): Applied {
  try {
    const text = node.metadata.annotations?.[appliedAnnotation];
    if (text) return JSON.parse(text) as Applied;
  } catch {
    // Somebody edited the annotation: begin anew.
  }
  return { labels: [], taints: [], unschedulable: false };
}

const taintKey = ({ key, effect }: Taint) => `${key}:${effect}`;
