// `regnode run`, the long-running agent: identity → tunnel → telemetry → upkeep, until a signal ends it or the
// gateway says that the node leaves. It owns no policy of its own: what to do comes from the gateway's wish,
// how to do it from the engine.
import type { Logger } from 'pino';
import type { ControlMessage } from '../../protocol/control.ts';
import { Fault } from '../../protocol/fault.ts';
import { readConfiguration } from '../config/configuration.ts';
import type { Host } from '../host/host.ts';
import { createGatewayApi } from '../identity/gateway-api.ts';
import { readIdentity } from '../identity/store.ts';
import { readState } from '../node/state.ts';
import { startTelemetry } from '../telemetry/telemetry.ts';
import { kubeletOnly } from '../tunnel/targets.ts';
import { openTunnel } from '../tunnel/tunnel.ts';
import { agentVersion } from '../version.ts';
import { startLeaving } from './departure.ts';
import { createNotifier } from './notify.ts';
import { probeServices } from './services.ts';
import { type DaemonStatus, writeStatus } from './status.ts';
import { Upkeep, type UpkeepReport } from './upkeep.ts';

const statusIntervalMs = 10_000;

export interface DaemonOptions {
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export async function runDaemon(host: Host, { logger, signal, environment }: DaemonOptions): Promise<void> {
  const configuration = await readConfiguration(host);
  const [identity, state] = [await readIdentity(host), await readState(host)];
  if (configuration === undefined || identity === undefined || state === undefined)
    throw new Fault('NOT_JOINED');
  const { gatewayUrl, nodeName, pool } = configuration;
  const notifier = createNotifier(host, environment);
  const gateway = createGatewayApi({ url: gatewayUrl, ...identity });

  let report: UpkeepReport = { phase: 'Joining', revision: '', detail: '' };
  const tunnel = openTunnel({
    url: gatewayUrl,
    ...identity,
    resolveTarget: kubeletOnly,
    audit: (record) => logger.info({ stream: { ...record, node: nodeName } }, 'stream'),
    logger,
    signal,
    environment,
  });
  const services = { kubeletHealthy: false, containerdHealthy: false };
  const telemetry = startTelemetry({
    channel: tunnel.telemetry,
    intervals: state.desired.telemetry,
    heartbeatProbe: async () => Object.assign(services, await probeServices()),
    logger,
    signal,
  });
  const upkeep = new Upkeep({
    host,
    state,
    gateway,
    logger,
    signal,
    onReport(next) {
      report = next;
      sendReport();
      void publish();
    },
  });

  const sendReport = () => {
    if (tunnel.state !== 'Open') return;
    tunnel.sendControl({ kind: 'report', ...report, versions: versionsOf(upkeep) });
  };
  const statusNow = (): DaemonStatus => {
    const { gateway: url, proxy, attempts, lastFault } = tunnel.status;
    return {
      version: 1,
      writtenAtMs: host.clock.nowMs(),
      pid: host.processes.pid,
      nodeName,
      pool,
      ...report,
      tunnel: { state: tunnel.state, gateway: url, proxy, attempts, lastError: lastFault?.message },
      services: { ...services },
      telemetry: telemetry.account(),
    };
  };
  const publish = async () => {
    await writeStatus(host, statusNow()).catch((error: unknown) =>
      logger.warn({ error }, 'no status was written'),
    );
    await notifier.alive(`${report.phase}, tunnel ${tunnel.state}`);
  };

  tunnel.onStateChange((now) => {
    logger.info({ state: now }, 'tunnel');
    if (now === 'Open') {
      telemetry.resend();
      sendReport();
    }
    void publish();
  });
  tunnel.onControl((message) => obey(message));
  function obey(message: ControlMessage): void {
    switch (message.kind) {
      case 'desired':
        telemetry.setIntervals(message.desired.telemetry);
        return upkeep.want(message.desired);
      case 'leave':
        report = { ...report, phase: 'Leaving', detail: message.reason };
        sendReport();
        void startLeaving(host, logger, message.reason);
        return;
      case 'report':
        return logger.warn('the gateway sent a report, which only an agent does');
    }
  }

  logger.info({ node: nodeName, pool, gateway: gatewayUrl, version: agentVersion }, 'regnode is running');
  await publish();
  const beat = setInterval(
    () => void publish(),
    Math.min(statusIntervalMs, notifier.intervalMs ?? statusIntervalMs),
  );
  try {
    await upkeep.run();
  } finally {
    clearInterval(beat);
    await notifier.stopping();
    gateway.close();
    await telemetry.stopped;
    logger.info('regnode has stopped');
  }
}

function versionsOf({ state }: Upkeep): Record<string, string> {
  const installed = state.desired.artifacts
    .filter(({ component }) => component !== 'agent' && component !== 'images')
    .map(({ component, version }) => [component, version]);
  return { ...Object.fromEntries(installed), agent: agentVersion };
}
