// What keeps registered nodes as their pools want them, from joining to leaving: the reconciler, departures, and the loops that call
// them. Stopped by stopping the loops.
import type { Logger } from 'pino';
import type { AddressBook } from '../addresses/book.ts';
import type { ArtifactStore } from '../artifacts/store.ts';
import type { Audit } from '../audit/audit.ts';
import type { Counters } from '../audit/counters.ts';
import type { RecordEvent } from '../kubernetes/event-recorder.ts';
import type { Kubernetes } from '../kubernetes/kubernetes.ts';
import { Departures } from '../nodes/departures.ts';
import { Reconciler } from '../nodes/reconciler.ts';
import type { Tunnels } from '../nodes/tunnels.ts';
import type { Replicas } from '../replicas/replicas.ts';
import type { TelemetryIntake } from '../telemetry/intake.ts';
import type { TunnelHub } from '../tunnel/hub.ts';
import type { ClusterView } from './cluster-view.ts';
import { type Loops, startLoops } from './loops.ts';
import { defaultKubeletAccess, type ServeOptions } from './options.ts';

export interface UpkeepParts {
  readonly book: AddressBook;
  readonly options: ServeOptions;
  readonly kubernetes: Kubernetes;
  readonly store: ArtifactStore;
  readonly view: ClusterView;
  readonly hub: TunnelHub;
  readonly tunnels: Tunnels;
  readonly intake: TelemetryIntake;
  readonly replicas: Replicas;
  readonly counters: Counters;
  readonly audit: Audit;
  readonly recordEvent: RecordEvent;
  readonly logger: Logger;
  readonly now: () => number;
}

export interface Upkeep {
  readonly departures: Departures;
  readonly reconciler: Reconciler;
  readonly loops: Loops;
}

export function startUpkeep(parts: UpkeepParts): Upkeep {
  const { options, kubernetes, store, view, book, hub, tunnels, intake, replicas } = parts;
  const { counters, audit, recordEvent, logger, now } = parts;
  const startedAtMs = now();
  const departures = new Departures({
    ...{ kubernetes, tunnels, audit, counters, recordEvent, logger, now },
    drainTimeoutMs: options.drainTimeoutMs,
  });
  const reconciler = new Reconciler({
    ...{ kubernetes, tunnels, departures, recordEvent, logger, now },
    pools: (name) => view.pools.get(name),
    registered: (name) => view.registered.get(name),
    nodes: (name) => view.nodes.get(name),
    contested: (node) => book.contested(node),
    artifacts: () => store.manifest(),
    kubeletAccess: defaultKubeletAccess(options),
    gateway: options.name,
    isLive: (name) => replicas.roster.isLive(name),
    looksAfter: replicas.looksAfter,
    settled: () => now() - startedAtMs > options.settleMs,
    onGone: (name) => {
      hub.close(name, 'the node was removed');
      tunnels.forget(name);
      intake.forget(name);
    },
  });
  const loops = startLoops({
    ...{ view, book, reconciler, tunnels, kubernetes, counters, audit, logger },
    artifacts: async () => (await store.manifest()).artifacts,
    settleMs: options.settleMs,
    roster: replicas.roster,
  });
  return { departures, reconciler, loops };
}
