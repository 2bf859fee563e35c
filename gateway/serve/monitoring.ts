// What the gateway does for monitoring beside the intake: remote-write, and scrapes of kubelets through their tunnels. Started and stopped
// with the gateway; a credential that can't be read ends the start.
import { readFile } from 'node:fs/promises';
import type { Logger } from 'pino';
import { Counter, type Registry } from 'prom-client';
import { Fault } from '../../protocol/fault.ts';
import { KubeletConnections, type KubeletConnectionsOptions } from '../kubelets/connections.ts';
import { KubeletScrapes } from '../kubelets/scrape.ts';
import { KubeletToken } from '../kubelets/token.ts';
import type { Kubernetes } from '../kubernetes/kubernetes.ts';
import type { TelemetryIntake } from '../telemetry/intake.ts';
import { remoteWriteOf } from '../telemetry/remote-write/flags.ts';
import { type OwnSample, RemoteWrite } from '../telemetry/remote-write/remote-write.ts';
import type { ServeOptions } from './options.ts';
import { readToken } from './scrape-access.ts';

const sweepMs = 5000;
const ownIntervalMs = 15_000;

export async function openRemoteWrite(
  options: ServeOptions,
  registry: Registry,
  logger: Logger,
): Promise<RemoteWrite | undefined> {
  const asked = remoteWriteOf(options);
  if (asked === undefined) return undefined;
  const remoteWrite = new RemoteWrite({ ...asked, logger });
  await remoteWrite.start(registry);
  return remoteWrite;
}

/** Looks for series that have ended, and writes the gateway's own metrics; returns how to stop that. */
export function feedRemoteWrite(
  remoteWrite: RemoteWrite,
  { intake, registry, name }: { intake: TelemetryIntake; registry: Registry; name: string },
): () => void {
  const sweeping = setInterval(() => intake.sweep(), sweepMs).unref();
  const writing = setInterval(() => {
    void ownSamples(registry, intake).then((samples) => remoteWrite.own(name, samples));
  }, ownIntervalMs).unref();
  return () => {
    clearInterval(sweeping);
    clearInterval(writing);
  };
}

async function ownSamples(registry: Registry, intake: TelemetryIntake): Promise<OwnSample[]> {
  const metrics = await registry.getMetricsAsJSON();
  return [
    ...metrics.flatMap(({ name, values }) => values.map((value) => sampleOf(name, value))),
    ...intake.ownMetrics(),
  ];
}

function sampleOf(name: string, sample: { value: number; labels: object; metricName?: string }): OwnSample {
  const labels = Object.entries(sample.labels).map(([label, value]) => [label, String(value)]);
  return {
    name: sample.metricName ?? name,
    labels: Object.fromEntries(labels) as Record<string, string>,
    value: sample.value,
  };
}

export async function openKubeletScrapes(parts: {
  readonly options: ServeOptions;
  readonly kubernetes: Kubernetes;
  readonly apiServerCaPem: string;
  readonly wayTo: KubeletConnectionsOptions['wayTo'];
  readonly registry: Registry;
}): Promise<{ scrapes: KubeletScrapes; moved: (node: string) => void; close: () => void }> {
  const { options, kubernetes, wayTo, registry } = parts;
  if (options.scrapeTokenFile !== undefined) await readToken(options.scrapeTokenFile);
  const caPem =
    options.kubeletCaFile === undefined ? parts.apiServerCaPem : await readRoots(options.kubeletCaFile);
  const connections = new KubeletConnections({ wayTo, caPem });
  const outcomes = new Counter({
    name: 'regnode_gateway_kubelet_scrapes_total',
    help: 'Scrapes of kubelets through their tunnels, by outcome.',
    labelNames: ['outcome'],
    registers: [registry],
  });
  const scrapes = new KubeletScrapes({
    connections,
    token: new KubeletToken(kubernetes, Date.now),
    onOutcome: (outcome) => outcomes.inc({ outcome }),
  });
  return { scrapes, moved: (node) => connections.moved(node), close: () => connections.destroy() };
}

async function readRoots(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new Fault('CREDENTIAL_UNREADABLE', { file, detail: cause.code ?? cause.message }, { cause });
  });
}
