// Hands the upkeep of Cilium what the gateway sees anyway: pools, and how many nodes each has.
import type { Logger } from 'pino';
import { CiliumUpkeep } from '../cilium/upkeep.ts';
import type { RecordEvent } from '../kubernetes/event-recorder.ts';
import type { Kubernetes } from '../kubernetes/kubernetes.ts';
import type { ClusterView } from './cluster-view.ts';

export interface CiliumOptions {
  readonly kubernetes: Kubernetes;
  readonly view: ClusterView;
  readonly apiServerUrl: string;
  readonly recordEvent: RecordEvent;
  readonly logger: Logger;
}

export function startCilium({ view, ...options }: CiliumOptions): CiliumUpkeep {
  const nodeCount = (pool: string) =>
    [...view.registered.values()].filter(({ spec }) => spec.pool === pool).length;
  const upkeep = new CiliumUpkeep({ ...options, pools: () => view.pools.values(), nodeCount });
  view.pools.onChange(() => upkeep.changed());
  // The first node of a pool, and the last one, may move the operator.
  view.registered.onChange(({ object, previous }) => {
    if (object === undefined || previous === undefined) upkeep.changed();
  });
  upkeep.changed();
  return upkeep;
}
