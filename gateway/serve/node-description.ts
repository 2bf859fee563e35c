// A registered node as /nodes shows it: what its registration says, and its tunnel as this replica sees it.

import type { Tunnels } from '../nodes/tunnels.ts';
import type { RegisteredNode } from '../resources/registered-node.ts';

export interface NodeView {
  readonly tunnels: Tunnels;
  /** Name of this replica. */
  readonly gateway: string;
  /** The live replica that holds a node's tunnel. */
  readonly holderOf: (node: RegisteredNode) => string | undefined;
  readonly latest: (nodeName: string) => unknown;
}

export function describeNode(options: NodeView, node: RegisteredNode): object {
  const { name } = node.metadata;
  const tunnel = options.tunnels.get(name);
  return {
    name,
    pool: node.spec.pool,
    phase: node.status?.phase ?? null,
    ready: node.status?.ready ?? null,
    tunnel: {
      /** Here, at this replica. */
      state: tunnel?.session.state ?? 'Absent',
      connected: tunnel?.connected ?? false,
      since: tunnel ? new Date(tunnel.sinceMs).toISOString() : null,
      /** Which replica had it last, by the registration; and which holds it now. */
      gateway: node.status?.tunnel?.gateway ?? null,
      holder: (tunnel?.connected ? options.gateway : options.holderOf(node)) ?? null,
    },
    latest: options.latest(name) ?? null,
  };
}
