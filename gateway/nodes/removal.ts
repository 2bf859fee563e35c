// Takes a node out of the cluster for good: Node object, registration. Used when the agent
// deregisters, and by `regnodectl node remove --force` for a host that will not come back; each step may have
// been done before, so it can be repeated after a failure at any point. A Node that is not this
// registration's stays as it is.
import { nodes } from '../kubernetes/kinds.ts';
import { isFailure, type Kubernetes } from '../kubernetes/kubernetes.ts';
import { type RegisteredNode, registeredNodes } from '../resources/registered-node.ts';
import { ownNode } from './own-node.ts';

/** Marks a registration whose host is not to be waited for. */
export const forceAnnotation = 'regnode.io/force-removal';

/** Of the Node object of that name: it was ours and is gone, there was none, or it is somebody else's. */
export interface Removal {
  readonly nodeObject: 'deleted' | 'absent' | 'left-alone';
  readonly nodeUid?: string;
}

export async function finishRemoval(kubernetes: Kubernetes, registered: RegisteredNode): Promise<Removal> {
  const { name, uid } = registered.metadata;
  const removal = await removeNode(kubernetes, registered);
  try {
    await kubernetes.remove(registeredNodes, name, uid === undefined ? {} : { uid });
    await kubernetes.patch(registeredNodes, name, { metadata: { uid, finalizers: null } });
  } catch (error) {
    // Gone already, or another host has the name by now.
    if (!isFailure(error, 'NotFound', 'Conflict')) throw error;
  }
  return removal;
}

/** Pods that a host left behind are deleted by the pod garbage collector once their Node is gone. */
async function removeNode(kubernetes: Kubernetes, registered: RegisteredNode): Promise<Removal> {
  const { name } = registered.metadata;
  const found = await kubernetes.get(nodes, name);
  const nodeUid = found?.metadata.uid;
  if (!found || nodeUid === undefined) return { nodeObject: 'absent' };
  if (!ownNode(registered, found)) return { nodeObject: 'left-alone', nodeUid };
  try {
    const existed = await kubernetes.remove(nodes, name, { uid: nodeUid });
    return { nodeObject: existed ? 'deleted' : 'absent', nodeUid };
  } catch (error) {
    // Another Node has the name since we looked.
    if (!isFailure(error, 'Conflict')) throw error;
    return { nodeObject: 'left-alone', nodeUid };
  }
}
