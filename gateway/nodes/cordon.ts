// The cordon of a registration's own Node: set when it is drained, and taken back when an upgrade or a leave
// that was given up lets it take pods again.
import { type NodeObject, nodes } from '../kubernetes/kinds.ts';
import type { Kubernetes } from '../kubernetes/kubernetes.ts';
import type { RegisteredNode } from '../resources/registered-node.ts';
import { ownNode } from './own-node.ts';

/** False when the registration has no Node. */
export async function cordon(kubernetes: Kubernetes, registered: RegisteredNode): Promise<boolean> {
  const node = await readOwnNode(kubernetes, registered);
  if (!node) return false;
  if (!node.spec?.unschedulable) await setUnschedulable(kubernetes, node, true);
  return true;
}

/** As the operator wants it to be; what leaves stays cordoned. */
export async function uncordon(kubernetes: Kubernetes, registered: RegisteredNode): Promise<void> {
  if (registered.metadata.deletionTimestamp || registered.spec.unschedulable) return;
  const node = await readOwnNode(kubernetes, registered);
  if (node?.spec?.unschedulable) await setUnschedulable(kubernetes, node, null);
}

async function readOwnNode(
  kubernetes: Kubernetes,
  registered: RegisteredNode,
): Promise<NodeObject | undefined> {
  return ownNode(registered, await kubernetes.get(nodes, registered.metadata.name));
}

async function setUnschedulable(kubernetes: Kubernetes, node: NodeObject, value: true | null): Promise<void> {
  const { name, uid } = node.metadata;
  await kubernetes.patch(nodes, name, { metadata: { uid }, spec: { unschedulable: value } });
}
