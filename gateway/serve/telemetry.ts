// Nodes' telemetry at the gateway: from the tunnels into the intake, from there to remote-write, if that is
// asked for. Started and stopped with the gateway; a credential that can't be read ends the start.

import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { background } from '../../protocol/defect.ts';
import { type IntakeOptions, TelemetryIntake } from '../telemetry/intake.ts';
import { remoteWriteOf } from '../telemetry/remote-write/flags.ts';
import { type OwnSample, RemoteWrite } from '../telemetry/remote-write/remote-write.ts';
import type { TunnelHub } from '../tunnel/hub.ts';
import type { ClusterView } from './cluster-view.ts';
import type { ServeOptions } from './options.ts';

const sweepMs = 5000;
const ownIntervalMs = 15_000;

export interface Telemetry {
  readonly intake: TelemetryIntake;
  stop(): Promise<void>;
}

export async function openTelemetry(parts: {
  readonly options: ServeOptions;
  readonly view: ClusterView;
  readonly hub: TunnelHub;
  readonly registry: Registry;
  readonly onRefusal: NonNullable<IntakeOptions['onRefusal']>;
  readonly logger: Logger;
}): Promise<Telemetry> {
  const { options, view, hub, registry, logger } = parts;
  const remoteWrite = await openRemoteWrite(options, registry, logger);
  const intake = new TelemetryIntake({
    poolOf: (name) => view.registered.get(name)?.spec.pool,
    sink: remoteWrite,
    onRefusal: parts.onRefusal,
    isElsewhere: (name) => {
      const tunnel = view.registered.get(name)?.status?.tunnel;
      return tunnel?.connected === true && tunnel.gateway !== options.name;
    },
  });
  hub.onHeartbeat((node, payload) => intake.heartbeat(node, payload));
  hub.onTelemetry((node, payload) => {
    const acknowledgement = intake.accept(node, payload);
    if (acknowledgement) hub.acknowledgeTelemetry(node, acknowledgement);
  });
  const stopFeeding = remoteWrite && feed(remoteWrite, { intake, registry, name: options.name });
  return {
    intake,
    stop: async () => {
      stopFeeding?.();
      await remoteWrite?.stop();
    },
  };
}

async function openRemoteWrite(
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
function feed(
  remoteWrite: RemoteWrite,
  { intake, registry, name }: { intake: TelemetryIntake; registry: Registry; name: string },
): () => void {
  const sweeping = setInterval(() => intake.sweep(), sweepMs).unref();
  const writing = setInterval(() => {
    const written = ownSamples(registry, intake).then((samples) => remoteWrite.own(name, samples));
    background('own metrics', written);
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
