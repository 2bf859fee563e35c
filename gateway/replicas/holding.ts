// Which replica holds a node's tunnel, read from the node's registration (status.tunnel) and from who is
// alive. The word there is the last replica's that got a new session of the node: it is written
// conditionally, so the order in which etcd took them decides. Pure.
import type { RegisteredNode } from '../resources/registered-node.ts';

export interface Standing {
  /** Name of this replica. */
  readonly self: string;
  readonly leader: string;
  readonly isLive: (replica: string) => boolean;
}

/** The live replica that says that it has the tunnel. */
export function holderOf(
  registered: RegisteredNode | undefined,
  { isLive }: Pick<Standing, 'isLive'>,
): string | undefined {
  const tunnel = registered?.status?.tunnel;
  return tunnel?.connected && isLive(tunnel.gateway) ? tunnel.gateway : undefined;
}

/** Whether this replica looks after the node: it holds the tunnel, or nobody does and it leads. */
export function looksAfter(registered: RegisteredNode, standing: Standing): boolean {
  return (holderOf(registered, standing) ?? standing.leader) === standing.self;
}

interface Change {
  readonly object: RegisteredNode | undefined;
  readonly previous?: RegisteredNode | undefined;
}

/** Whether the registration says since just now that the tunnel is at another replica than before. */
export function hasMoved({ object, previous }: Change): boolean {
  const [after, before] = [object?.status?.tunnel, previous?.status?.tunnel];
  return after !== undefined && before !== undefined && after.gateway !== before.gateway;
}

/** The replica to which a node has just moved from this one. */
export function lostTo(self: string, { object, previous }: Change): string | undefined {
  const before = previous?.status?.tunnel;
  const after = object?.status?.tunnel;
  const moved = before?.gateway === self && after?.connected === true && after.gateway !== self;
  return moved ? after.gateway : undefined;
}
