// Drains a node: cordon, then evict every pod that can be moved, and wait until each is gone (node-drain.ts).
// A plan says what that would do.
import type { DrainResponse } from '../../protocol/messages/join.ts';
import type { Kubernetes } from '../kubernetes/kubernetes.ts';
import type { RegisteredNode } from '../resources/registered-node.ts';
import { evict, evictionVersion, podName, podsOn, sortOut } from './eviction.ts';
import { type DrainRequest, NodeDrain, type NodeDrainOptions } from './node-drain.ts';

/** One drain of its own. */
export function drain(
  kubernetes: Kubernetes,
  registered: RegisteredNode,
  { now, pollMs, ...request }: DrainRequest & Pick<NodeDrainOptions, 'now' | 'pollMs'>,
): Promise<DrainResponse> {
  return new NodeDrain(kubernetes, registered.metadata.name, { now, pollMs }).ask(registered, request);
}

/** What a drain would do at this moment: each eviction is asked for without being done. */
export async function planDrain(
  kubernetes: Kubernetes,
  { metadata: { name } }: RegisteredNode,
): Promise<DrainResponse> {
  const { evict: movable, stay } = sortOut(await podsOn(kubernetes, name), true);
  const version = movable.size > 0 ? await evictionVersion(kubernetes) : '';
  const evictedPods: string[] = [];
  for (const pod of movable.values()) {
    const refusal = await evict(kubernetes, pod, version, { dryRun: ['All'] });
    if (refusal === undefined) evictedPods.push(podName(pod));
    else stay.push({ pod: podName(pod), reason: refusal });
  }
  return { evictedPods, remainingPods: stay };
}
