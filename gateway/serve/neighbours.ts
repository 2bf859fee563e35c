// The other replicas as this one sees them, and the pages of metrics that each can give of
// all. Nobody sees this one yet.
import { registerFigures } from '../audit/figures.ts';
import { type Replicas, watchReplicas } from '../replicas/replicas.ts';
import { type Given, unlessStopped } from './given.ts';
import type { Ground } from './ground.ts';
import { MetricsPages } from './metrics-pages.ts';
import type { Records } from './records.ts';
import { askHolder } from './rivals.ts';
import type { Sessions } from './sessions.ts';
import { followTunnels } from './tunnel-moves.ts';

export interface Neighbours {
  readonly replicas: Replicas;
  readonly pages: MetricsPages;
}

export async function findNeighbours(parts: Given & Ground & Records & Sessions): Promise<Neighbours> {
  const { options, kubernetes, logger, now, signal, life } = parts;
  const { replicaCertificate, counters, view, hub, tunnels, intake } = parts;
  const { name } = options;
  const replicas = watchReplicas({
    ...{ kubernetes, name, hub, logger, now },
    certificate: replicaCertificate,
    registered: (node) => view.registered.get(node),
  });
  life.defer(() => replicas.close());
  await unlessStopped(signal, replicas.ready);
  parts.elsewhere.ask = askHolder(replicas, name);
  followTunnels({ self: name, view, hub, tunnels, intake, replicas });
  registerFigures(counters.registry, {
    hub: () => hub.figures,
    registered: () => [...view.registered.values()].length,
    replicas: () => replicas.figures,
    connected: () => tunnels.connected(),
    name,
  });
  const pages = new MetricsPages({
    self: name,
    registry: counters.registry,
    intake,
    isConnectedHere: (node) => tunnels.isConnected(node),
    holderOf: (node) => replicas.holderOf(node),
    replicas: () => replicas.roster.replicas,
    ask: (replica, path) => replicas.ask(replica, path),
  });
  return { replicas, pages };
}
