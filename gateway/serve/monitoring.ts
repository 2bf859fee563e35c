// What Prometheus and people may ask of this gateway: its status port, kubelets' metrics through
// their tunnels, and pages of metrics, whichever replica has what they need. A credential that
// can't be read ends the start.
import { readFile } from 'node:fs/promises';
import type { Logger } from 'pino';
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { Counters } from '../audit/counters.ts';
import { KubeletConnections } from '../kubelets/connections.ts';
import { KubeletScrapes } from '../kubelets/scrape.ts';
import { KubeletToken } from '../kubelets/token.ts';
import type { ClusterConnection } from '../kubernetes/connect.ts';
import type { Tunnels } from '../nodes/tunnels.ts';
import { hasMoved } from '../replicas/holding.ts';
import type { Replicas } from '../replicas/replicas.ts';
import type { TelemetryIntake } from '../telemetry/intake.ts';
import type { TunnelHub } from '../tunnel/hub.ts';
import type { ClusterView } from './cluster-view.ts';
import type { MetricsPages } from './metrics-pages.ts';
import type { ServeOptions } from './options.ts';
import { readToken, scrapeAccess } from './scrape-access.ts';
import { openStatusPort, type StatusPort } from './status-port.ts';

export interface MonitoringParts {
  readonly options: ServeOptions;
  readonly connection: ClusterConnection;
  readonly view: ClusterView;
  readonly hub: TunnelHub;
  readonly tunnels: Tunnels;
  readonly replicas: Replicas;
  readonly intake: TelemetryIntake;
  readonly pages: MetricsPages;
  readonly counters: Counters;
  readonly logger: Logger;
  readonly now: () => number;
}

export interface Kubelets {
  readonly scrapes: KubeletScrapes;
  close(): Promise<void>;
}

/** Scrapes of kubelets, on connections that are given up when a tunnel moves. */
export async function openKubelets(parts: MonitoringParts): Promise<Kubelets> {
  const { options, connection, view, hub, replicas, counters, now } = parts;
  if (options.scrapeTokenFile !== undefined) await readToken(options.scrapeTokenFile);
  const caPem =
    options.kubeletCaFile === undefined ? connection.apiServerCaPem : await readRoots(options.kubeletCaFile);
  const connections = new KubeletConnections({ wayTo: (name) => replicas.ways.session(name), caPem });
  hub.onSession((name) => connections.moved(name));
  view.registered.onChange((change) => {
    if (hasMoved(change)) connections.moved(change.name);
  });
  const scrapes = new KubeletScrapes({
    connections,
    token: new KubeletToken(connection.kubernetes, now),
    onOutcome: (outcome) => counters.kubeletScrapes.inc({ outcome }),
  });
  return { scrapes, close: () => connections.close() };
}

export function openStatus(parts: MonitoringParts, kubelets: Kubelets): Promise<StatusPort> {
  const { options, view, tunnels, replicas, intake, pages, counters, logger } = parts;
  return openStatusPort({
    listen: options.metricsListen,
    pages,
    latest: (name) => intake.latest(name),
    registered: () => view.registered.values(),
    node: (name) => view.registered.get(name),
    tunnels,
    access: scrapeAccess(options.scrapeTokenFile),
    logger,
    onCrowded: () => counters.refusedConnections.inc({ reason: 'status-port' }),
    kubelets: kubelets.scrapes,
    gateway: options.name,
    replicas: () => replicas.roster.replicas,
    holderOf: (node) => replicas.holderOf(node.metadata.name),
    notReady: () => {
      const missing = view.missing();
      return missing.length > 0 ? `not read yet: ${missing.join(', ')}` : undefined;
    },
  });
}

async function readRoots(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new Fault('CREDENTIAL_UNREADABLE', { file, detail: cause.code ?? cause.message }, { cause });
  });
}
