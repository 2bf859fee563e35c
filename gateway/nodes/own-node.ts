// Which Node object belongs to a registration. Only that one is labelled, tainted, cordoned, drained or
// deleted, since a node of the cloud may have the same name. The decision uses what only the API server
// writes (uid, time of creation) and the registration. What a kubelet says of itself does not count: with
// another machine id it would lose its pool's taints, the cordon and the drain. Pure.
import type { NodeObject } from '../kubernetes/kinds.ts';
import type { RegisteredNode } from '../resources/registered-node.ts';

/** The Node if it is this registration's; undefined when there is none, or it is somebody else's. */
export function ownNode(registered: RegisteredNode, node: NodeObject | undefined): NodeObject | undefined {
  return node && isOwn(registered, node) ? node : undefined;
}

function isOwn({ metadata, status }: RegisteredNode, node: NodeObject): boolean {
  const { uid, creationTimestamp } = node.metadata;
  if (uid === undefined) return false;
  if (status?.nodeUid === uid) return true;
  // Nobody has joined under this name: a registration that somebody wrote by hand, or a claim.
  if (status?.joinedAt === undefined) return false;
  // Both times are the API server's, in whole seconds. An older Node is not this registration's.
  return timeOf(creationTimestamp) >= timeOf(metadata.creationTimestamp);
}

const timeOf = (timestamp: string | undefined) => Date.parse(timestamp ?? '');
