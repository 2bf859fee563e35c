// Writes onto the Node object of a registration what is desired, so that a death between two writes is made
// up for: what may be ours from now on is remembered in the registration before the Node is written, what is
// done after it. Nothing is read or written when everything is as desired.
import { isDeepStrictEqual } from 'node:util';
import { type NodeObject, nodes } from '../kubernetes/kinds.ts';
import { isFailure, type Kubernetes, update } from '../kubernetes/kubernetes.ts';
import { type Applied, type RegisteredNode, registeredNodes } from '../resources/registered-node.ts';
import { appliedOf, type DesiredNode, nodeWriting } from './applied.ts';

/** `node` is this registration's own. */
export async function writeNodeObject(
  kubernetes: Kubernetes,
  registered: RegisteredNode,
  node: NodeObject,
  desired: DesiredNode,
): Promise<void> {
  const { begun, patches, done } = nodeWriting(node, desired, appliedOf(registered, node));
  const { nodeUid, applied } = registered.status ?? {};
  if (nodeUid !== node.metadata.uid || !isDeepStrictEqual(applied, begun)) {
    await remember(kubernetes, registered, node, begun);
  }
  let isDone = true;
  for (const { type, body } of patches) {
    try {
      await kubernetes.patch(nodes, node.metadata.name, body, { type });
    } catch (error) {
      // Changed or replaced since we looked (Invalid: a taint is not where it was):
      // that change leads here again.
      if (!isFailure(error, 'NotFound', 'Conflict', 'Invalid')) throw error;
      isDone = false;
    }
  }
  if (isDone && !isDeepStrictEqual(begun, done)) await remember(kubernetes, registered, node, done);
}

async function remember(
  kubernetes: Kubernetes,
  { metadata: { name, uid } }: RegisteredNode,
  node: NodeObject,
  applied: Applied,
): Promise<void> {
  const nodeUid = node.metadata.uid;
  if (nodeUid === undefined) return;
  await update(kubernetes, registeredNodes, { name, subresource: 'status' }, (current) =>
    current.metadata.uid === uid
      ? { ...current, status: { ...current.status, nodeUid, applied } }
      : undefined,
  );
}
