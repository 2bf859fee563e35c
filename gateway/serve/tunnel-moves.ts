// A node's tunnel comes, goes, and moves between replicas: whoever keeps something of it here is told, and
// what this replica still has of a node that is at another one ends.
import type { Tunnels } from '../nodes/tunnels.ts';
import { lostTo } from '../replicas/holding.ts';
import type { Replicas } from '../replicas/replicas.ts';
import type { TelemetryIntake } from '../telemetry/intake.ts';
import type { TunnelHub } from '../tunnel/hub.ts';
import type { ClusterView } from './cluster-view.ts';

export function followTunnels(parts: {
  /** Name of this replica. */
  readonly self: string;
  readonly view: ClusterView;
  readonly hub: TunnelHub;
  readonly tunnels: Tunnels;
  readonly intake: TelemetryIntake;
  readonly replicas: Replicas;
}): void {
  const { self, view, hub, tunnels, intake, replicas } = parts;
  view.registered.onChange((change) => {
    const replica = lostTo(self, change);
    if (replica !== undefined) {
      tunnels.forget(change.name);
      intake.forget(change.name);
      hub.supersede(change.name, `its tunnel is at ${replica} now`);
    }
    replicas.ways.changed(change.name);
  });
  tunnels.onChange((name) => replicas.ways.changed(name));
}
