// What keeps registered nodes as their pools want them, from joining to leaving: whose a name and an address
// is, the reconciler, departures, Cilium, and the loops that call them. From here on the cluster is read all
// the time; ready when all was read once.
import type { AddressBook } from '../addresses/book.ts';
import { Departures } from '../nodes/departures.ts';
import { ExpelledNodes } from '../nodes/expelled.ts';
import { auditReadmissions } from '../nodes/readmissions.ts';
import { Reconciler } from '../nodes/reconciler.ts';
import { type OpenedBook, openAddressBook } from './address-book.ts';
import { startCilium } from './cilium.ts';
import { type Given, unlessStopped } from './given.ts';
import type { Ground } from './ground.ts';
import { type Loops, startLoops } from './loops.ts';
import type { Neighbours } from './neighbours.ts';
import { toldToHosts } from './options.ts';
import type { Records } from './records.ts';
import type { Sessions } from './sessions.ts';

export interface Upkeep extends OpenedBook {
  readonly departures: Departures;
  readonly reconciler: Reconciler;
  readonly loops: Loops;
}

type Parts = Given & Ground & Records & Sessions & Neighbours;

export async function startUpkeep(parts: Parts): Promise<Upkeep> {
  const { options, connection, kubernetes, apiServerUrl, logger, now, signal, life } = parts;
  const { store, counters, audit, recordEvent, view, hub, tunnels, replicas } = parts;
  const expelled = new ExpelledNodes({ ...view, kubernetes, audit, logger, now });
  const { book, isOwnPort, serviceAt } = await openAddressBook({
    ...{ options, kubernetes, view, expelled, logger, now },
    apiServerUrls: [apiServerUrl, connection.apiServerUrl],
    replicas: () => replicas.roster.replicas.map(({ address }) => address),
  });
  view.registered.onChange(auditReadmissions(audit, recordEvent));
  const departures = new Departures({
    ...{ kubernetes, tunnels, audit, counters, recordEvent, logger, now },
    drainTimeoutMs: options.drainTimeoutMs,
  });
  const reconciler = createReconciler(parts, book, departures);
  const loops = startLoops({
    ...{ view, book, reconciler, departures, tunnels, kubernetes, counters, audit, logger, now },
    conflicts: hub.rivals.conflicts,
    artifacts: async () => (await store.manifest()).artifacts,
    settleMs: options.settleMs,
    roster: replicas.roster,
  });
  life.defer(() => loops.stop());
  life.defer(() => departures.stop());
  await unlessStopped(signal, loops.ready);
  life.defer(() => expelled.stop());
  await expelled.start();
  const cilium = startCilium({ kubernetes, view, apiServerUrl, recordEvent, logger });
  life.defer(() => cilium.stop());
  return { book, isOwnPort, serviceAt, departures, reconciler, loops };
}

function createReconciler(parts: Parts, book: AddressBook, departures: Departures): Reconciler {
  const { options, connection, kubernetes, store, view, hub, tunnels, intake, replicas } = parts;
  const { recordEvent, logger, now } = parts;
  const startedAtMs = now();
  return new Reconciler({
    ...{ kubernetes, tunnels, departures, recordEvent, logger, now },
    pools: (name) => view.pools.get(name),
    registered: (name) => view.registered.get(name),
    nodes: (name) => view.nodes.get(name),
    contested: (node) => book.contested(node),
    conflict: (name) => hub.rivals.conflicts.get(name),
    artifacts: () => store.manifest(),
    ofGateway: toldToHosts(options, connection),
    gateway: options.name,
    isLive: (name) => replicas.roster.isLive(name),
    looksAfter: replicas.looksAfter,
    settled: () => now() - startedAtMs > options.settleMs,
    onGone: (name) => {
      hub.close(name, 'the node was removed');
      hub.rivals.conflicts.over(name);
      tunnels.forget(name);
      intake.forget(name);
    },
  });
}
