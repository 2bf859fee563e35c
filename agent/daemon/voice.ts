// What the node says of itself, to the gateway (a report), to the host (the status file) and to systemd. It
// decides nothing: it puts together what the other parts know at the moment.
import { background } from '../../protocol/defect.ts';
import { describeHost } from '../../protocol/messages/machine.ts';
import type { ReportBody, Whole } from '../../protocol/messages/report.ts';
import { type DaemonStatus, writeStatus } from '../state/status.ts';
import { agentVersion } from '../version.ts';
import type { Given } from './given.ts';
import type { Link } from './link.ts';
import { createNotifier } from './notify.ts';
import type { Observation } from './observation.ts';
import { oneAtATime } from './one-at-a-time.ts';
import type { Self } from './self.ts';
import type { Upkeep } from './upkeep.ts';

const statusIntervalMs = 10_000;
const refusedCodes: ReadonlySet<string> = new Set(['IDENTITY_IN_USE', 'HARDWARE_DIFFERS']);

export interface Voice {
  /** Something has changed that the gateway and the host are to know. */
  tell(): void;
  /** Tells the host and systemd; from then on every few seconds. */
  begin(): Promise<void>;
}

type Parts = Given & Self & Link & Observation & Upkeep;

export function openVoice(parts: Parts): Voice {
  const { host, logger, signal, life, tunnel, telemetry, line, health, reconciler, facts } = parts;
  const notifier = createNotifier({
    environment: host.environment,
    logger,
    wait: (milliseconds) => host.clock.sleep(milliseconds),
  });
  // One after the other: a path is written by one writer at a time. However often it is asked for,
  // one more is to come at most.
  const publish = oneAtATime(async () => {
    telemetry.lineMeasured(line.latest);
    const unwritten = (error: unknown) => logger.warn({ error }, 'no status was written');
    await writeStatus(host, statusOf(parts)).catch(unwritten);
    await notifier.alive(`${reconciler.status.phase}, tunnel ${tunnel.state}`);
  });
  const tell = () => {
    if (tunnel.state === 'Open') tunnel.sendControl({ kind: 'report', ...reportOf(parts) });
    background('status', publish());
  };
  tunnel.onStateChange((state) => {
    if (state === 'Open') {
      telemetry.resend();
      facts.connected();
    }
    tell();
  });
  reconciler.onChange(tell);
  health.onChange(tell);
  facts.onJudged(tell);
  const beat = async (intervalMs: number) => {
    while (!signal.aborted) {
      await host.clock.sleep(intervalMs, signal).catch(() => undefined);
      if (!signal.aborted) background('status', publish());
    }
  };
  return {
    tell,
    begin: async () => {
      life.defer(() => notifier.stopping());
      await publish();
      const intervalMs = Math.min(statusIntervalMs, notifier.intervalMs ?? statusIntervalMs);
      const beating = beat(intervalMs);
      life.defer(() => beating);
    },
  };
}

function reportOf({ course: { leaving }, reconciler, health }: Parts): Whole<ReportBody> {
  const { revision, fault, versions, upgrades, drift, phase } = reconciler.status;
  return {
    phase: leaving === '' ? phase : 'Leaving',
    revision,
    detail: leaving || fault,
    versions: { ...versions, agent: agentVersion },
    health: health.findings && [...health.findings],
    upgrades: [...upgrades],
    drift: [...drift],
  };
}

function statusOf(parts: Parts): DaemonStatus {
  const { host, configuration, course, tunnel, renewal, health, line, services, telemetry, facts, presence } =
    parts;
  const { phase, revision, at, steps, fault, versions, upgrades, drift, store } = parts.reconciler.status;
  const { gateway: url, proxy, attempts, lastFault, replica, streams, ...figures } = tunnel.status;
  const { unacknowledgedBytes, unacknowledgedLimitBytes } = figures;
  const carried = { replica, streams, unacknowledgedBytes, unacknowledgedLimitBytes };
  const seen = services();
  const pods = parts.pods();
  const conflict = conflictOf(parts);
  return {
    version: 1,
    writtenAtMs: host.clock.nowMs(),
    pid: host.processes.pid,
    nodeName: configuration.nodeName,
    pool: configuration.pool,
    gateway: url,
    phase: course.leaving === '' ? phase : 'Leaving',
    detail: course.leaving,
    tunnel: {
      state: tunnel.state,
      proxy: proxy ?? '',
      attempts,
      lastFault: lastFault?.message ?? '',
      ...carried,
    },
    certificate: renewal.status,
    ...(facts.judged && { addresses: facts.judged }),
    ...(presence.cluster && { cluster: presence.cluster }),
    ...(pods && { pods }),
    ...(conflict && { conflict }),
    reconcile: { revision, at, steps, fault },
    ...(health.findings && { health: [...health.findings] }),
    ...(line.latest && { line: line.latest }),
    versions: { ...versions, agent: agentVersion },
    upgrades: [...upgrades],
    drift: [...drift],
    store,
    ...(seen && { services: { ...seen } }),
    defects: parts.defects(),
    telemetry: telemetry.account(),
  };
}

/** As the host that has the tunnel, or as the one that is refused. */
function conflictOf(parts: Parts): DaemonStatus['conflict'] {
  const { machine, tunnel, presence } = parts;
  const { lastFault } = tunnel.status;
  if (lastFault && refusedCodes.has(lastFault.code)) return lastFault.toWire();
  const { conflict } = presence;
  if (conflict === undefined || tunnel.state !== 'Open') return undefined;
  const { code, refused, detail } = conflict;
  const values = {
    holder: describeHost({ address: addressOf(parts), hostname: machine.hostname, bootId: machine.bootId }),
    refused: describeHost(refused),
    detail: detail === undefined ? code : `${code}: ${detail}`,
  };
  return { code: 'IDENTITY_SHARED', values };
}

function addressOf({ facts }: Parts): string {
  return facts.judged?.addresses[0] ?? '';
}
