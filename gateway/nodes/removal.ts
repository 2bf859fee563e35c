// Takes a node out of the cluster for good: bootstrap token, Node object, registration. Used when the agent
// deregisters, and by `regnodectl node remove --force` for a host that will not come back; each step may have been done
// before, so it can be repeated after a failure at any point.
import { deleteBootstrapToken } from '../join/bootstrap-token.ts';
import { nodes } from '../kubernetes/kinds.ts';
import { isFailure, type Kubernetes } from '../kubernetes/kubernetes.ts';
import { type RegisteredNode, registeredNodes } from './node.ts';

/** Marks a registration whose host is not to be waited for. */
export const forceAnnotation = 'regnode.io/force-removal';

export async function finishRemoval(kubernetes: Kubernetes, registered: RegisteredNode): Promise<void> {
  const { name, uid } = registered.metadata;
  const tokenId = registered.status?.bootstrapTokenId;
  if (tokenId) await deleteBootstrapToken(kubernetes, tokenId);
  // Pods that a host left behind are deleted by the pod garbage collector once their Node is gone.
  await kubernetes.remove(nodes, name);
  try {
    await kubernetes.remove(registeredNodes, name, uid === undefined ? {} : { uid });
    await kubernetes.patch(registeredNodes, name, { metadata: { uid, finalizers: null } });
  } catch (error) {
    // Gone already, or another host has the name by now.
    if (!isFailure(error, 'NotFound', 'Conflict')) throw error;
  }
}
