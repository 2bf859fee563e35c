// A pool's numbers (nodes, connected, Ready), counted from the registrations and written when they change.
import { isFailure, type Kubernetes } from '../kubernetes/kubernetes.ts';
import type { RegisteredNode } from '../nodes/node.ts';
import { nodePools, type PoolObject } from './pool.ts';

interface View {
  readonly pools: { get(name: string): PoolObject | undefined };
  readonly registered: { values(): Iterable<RegisteredNode> };
}

export async function writePoolStatus(kubernetes: Kubernetes, name: string, view: View): Promise<void> {
  const pool = view.pools.get(name);
  if (!pool) return;
  const status = { nodes: 0, connected: 0, ready: 0 };
  for (const node of view.registered.values()) {
    if (node.spec.pool !== name) continue;
    status.nodes++;
    if (node.status?.tunnel?.connected) status.connected++;
    if (node.status?.ready === 'True') status.ready++;
  }
  const { nodes, connected, ready } = pool.status ?? {};
  if (nodes === status.nodes && connected === status.connected && ready === status.ready) return;
  try {
    await kubernetes.patch(nodePools, name, { status }, { subresource: 'status' });
  } catch (error) {
    if (!isFailure(error, 'NotFound')) throw error;
  }
}
