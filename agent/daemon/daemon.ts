// `regnode run`, the long-running agent: identity → tunnel → telemetry → reconciler, until a signal ends it or the
// gateway says that the node leaves. It owns no policy of its own: what to do comes from the desired state of the gateway,
// how to do it from the engine.

import type { Logger } from 'pino';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { background, outliveDefects } from '../../protocol/defect.ts';
import { defectLog } from '../../protocol/defect-log.ts';
import type { ControlMessage } from '../../protocol/messages/control.ts';
import type { ReportBody, Whole } from '../../protocol/messages/report.ts';
import type { StreamAudit } from '../../protocol/tunnel/audit.ts';
import { artifactSource } from '../components/artifacts/source.ts';
import { readConfiguration } from '../config/configuration.ts';
import { paths } from '../config/paths.ts';
import { keepRecord } from '../doctor/keep-record.ts';
import { HealthMonitor } from '../health/monitor.ts';
import type { Host } from '../host/host.ts';
import { openSpoolDisk } from '../host/spool-disk.ts';
import { createGatewayApi } from '../identity/gateway-api.ts';
import { Renewal } from '../identity/renewal.ts';
import { readIdentity } from '../identity/store.ts';
import { LineWatch } from '../line/watch.ts';
import { readState } from '../state/state.ts';
import { type DaemonStatus, readStatus, writeStatus } from '../state/status.ts';
import { probeServices } from '../telemetry/heartbeat/services.ts';
import { telemetrySettings } from '../telemetry/settings.ts';
import { startTelemetry } from '../telemetry/telemetry.ts';
import { ApiServerListener } from '../tunnel/api-server.ts';
import { kubeletOnly } from '../tunnel/targets.ts';
import { openTunnel } from '../tunnel/tunnel.ts';
import { confirmAgent } from '../upgrade/agent/confirm.ts';
import { createHealthProbe } from '../upgrade/health.ts';
import { agentVersion } from '../version.ts';
import { startLeaving } from './departure.ts';
import { FactsWatch } from './facts-watch.ts';
import { keepSmall } from './footprint.ts';
import { healthSources } from './health-sources.ts';
import { createNotifier } from './notify.ts';
import { oneAtATime } from './one-at-a-time.ts';
import { Reconciler } from './reconciler.ts';

const statusIntervalMs = 10_000;

export interface DaemonOptions {
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export async function runDaemon(host: Host, { logger, signal, environment }: DaemonOptions): Promise<void> {
  let defects = 0;
  const stopHearing = outliveDefects(
    defectLog(logger, () => {
      defects += 1;
    }),
  );
  // Starting again can't mend what is missing here: exit code 2, and systemd leaves it at that.
  const configuration = present(paths.configuration, await readConfiguration(host));
  const identity = present(paths.identity, await readIdentity(host));
  const state = present(paths.stateFile, await readState(host));
  const settings = telemetrySettings(environment);
  const { gatewayUrl, nodeName, pool } = configuration;
  const notifier = createNotifier({ environment, logger });
  const gateway = createGatewayApi({ url: gatewayUrl, ...identity, environment });
  const audit = (stream: StreamAudit) => logger.info({ stream }, 'stream');
  const tunnel = openTunnel({
    url: gatewayUrl,
    ...identity,
    nodeName,
    resolveTarget: kubeletOnly,
    audit,
    logger,
    signal,
    environment,
  });
  const apiServer = new ApiServerListener({ host, tunnel, nodeName, audit, logger, signal });
  let current = identity;
  const renewal = new Renewal({
    host,
    nodeName,
    identity,
    renew: (csrPem) => gateway.renew(csrPem, signal),
    onRenewed: (renewed) => {
      current = renewed;
      gateway.useIdentity(renewed);
      tunnel.renew(renewed);
    },
    onTrust: (renewed) => {
      current = renewed;
      gateway.useIdentity(renewed);
      tunnel.trust(renewed.caPem);
    },
    logger,
    signal,
  });
  const services = { kubeletHealthy: false, containerdHealthy: false };
  let wereAsked = false;
  const telemetry = startTelemetry({
    channel: tunnel.telemetry,
    intervals: state.desired.telemetry,
    heartbeatProbe: async () => {
      Object.assign(services, await probeServices());
      wereAsked = true;
      return services;
    },
    spool: { disk: openSpoolDisk(paths.spool) },
    settings,
    logger,
    signal,
  });
  const reconciler = new Reconciler({
    host,
    logger,
    signal,
    source: (settings, desired) =>
      artifactSource(host, { gateway, caPem: identity.caPem, settings, desired }),
    probe: createHealthProbe(host, gateway),
    gateway,
    onChange: () => tell(),
  });
  let desired = state.desired;
  const line = new LineWatch({
    host,
    gatewayUrl,
    identity: () => current,
    desired: () => desired,
    environment,
  });
  const health = new HealthMonitor({
    host,
    sources: healthSources({
      host,
      parts: () => ({
        tunnel: { state: tunnel.state, lastFault: tunnel.status.lastFault?.message ?? '' },
        certificate: renewal.status,
        isKubeletHealthy: wereAsked ? services.kubeletHealthy : undefined,
      }),
      context: () => ({ gatewayUrl, nodeName, pool, caPem: current.caPem }),
      line,
      cilium: { nodeName, networkMode: () => desired.network.mode },
    }),
    remembered: (await readStatus(host))?.health,
    logger,
    signal,
    onChange: () => tell(),
  });
  let leaving = '';
  const factsWatch = new FactsWatch({
    ...{ host, gatewayUrl, gateway, logger, signal },
    isConnected: () => tunnel.state === 'Open',
    onMoved: () => reconciler.wake(),
    onJudged: () => tell(),
  });

  const sendReport = () => {
    if (tunnel.state !== 'Open') return;
    const { revision, fault, versions, upgrades, drift } = reconciler.status;
    const phase = leaving === '' ? reconciler.status.phase : 'Leaving';
    const report: Whole<ReportBody> = {
      phase,
      revision,
      detail: leaving || fault,
      versions: { ...versions, agent: agentVersion },
      health: health.findings && [...health.findings],
      upgrades: [...upgrades],
      drift: [...drift],
    };
    tunnel.sendControl({ kind: 'report', ...report });
  };
  const statusNow = (): DaemonStatus => {
    const { phase, revision, at, steps, fault, versions, upgrades, drift, store } = reconciler.status;
    const { gateway: url, proxy, attempts, lastFault, replica, streams, ...figures } = tunnel.status;
    const { unacknowledgedBytes, unacknowledgedLimitBytes } = figures;
    const carried = { replica, streams, unacknowledgedBytes, unacknowledgedLimitBytes };
    return {
      version: 1,
      writtenAtMs: host.clock.nowMs(),
      pid: host.processes.pid,
      nodeName,
      pool,
      gateway: url,
      phase: leaving === '' ? phase : 'Leaving',
      detail: leaving,
      tunnel: {
        state: tunnel.state,
        proxy: proxy ?? '',
        attempts,
        lastFault: lastFault?.message ?? '',
        ...carried,
      },
      certificate: renewal.status,
      ...(factsWatch.judged && { addresses: factsWatch.judged }),
      reconcile: { revision, at, steps, fault },
      ...(health.findings && { health: [...health.findings] }),
      ...(line.latest && { line: line.latest }),
      versions: { ...versions, agent: agentVersion },
      upgrades: [...upgrades],
      drift: [...drift],
      store,
      ...(wereAsked && { services: { ...services } }),
      defects,
      telemetry: telemetry.account(),
    };
  };
  // One after the other: a path is written by one writer at a time. However often it is asked for, one more is to come at most.
  const publish = oneAtATime(async () => {
    telemetry.lineMeasured(line.latest);
    const unwritten = (error: unknown) => logger.warn({ error }, 'no status was written');
    await writeStatus(host, statusNow()).catch(unwritten);
    await notifier.alive(`${reconciler.status.phase}, tunnel ${tunnel.state}`);
  });
  const leave = oneAtATime(() => startLeaving(host, logger, leaving));
  const tell = () => {
    sendReport();
    background('status', publish());
  };

  tunnel.onStateChange((now) => {
    if (now === 'Open') {
      telemetry.resend();
      factsWatch.connected();
    }
    tell();
  });
  tunnel.onControl((message: ControlMessage) => {
    switch (message.kind) {
      case 'desired':
        desired = message.desired;
        telemetry.setIntervals(message.desired.telemetry);
        background('API server listener', apiServer.setAccess(message.desired.apiServerAccess));
        reconciler.setDesired(message.desired);
        break;
      case 'leave':
        leaving = message.reason;
        tell();
        background('leave', leave());
        break;
      case 'authority':
        background('trusted roots', renewal.trust(message.caPem));
        break;
      case 'report':
        logger.warn('the gateway sent a report, which only an agent does');
    }
  });

  logger.info({ node: nodeName, pool, gateway: gatewayUrl, version: agentVersion }, 'regnode is running');
  // Before systemd hears that we run: a join starts the kubelet after that.
  await apiServer.setAccess(state.desired.apiServerAccess);
  await publish();
  const intervalMs = Math.min(statusIntervalMs, notifier.intervalMs ?? statusIntervalMs);
  const beat = setInterval(() => background('status', publish()), intervalMs);
  try {
    const trial = confirmAgent(host, {
      gateway,
      isConnected: () => tunnel.state === 'Open',
      onConfirmed: () => reconciler.wake(),
      logger,
      signal,
    });
    await Promise.all([
      trial,
      reconciler.run(),
      renewal.run(),
      health.run(),
      factsWatch.run(),
      keepRecord(host, { logger, signal }),
      keepSmall({ logger, signal }),
    ]);
  } finally {
    clearInterval(beat);
    await notifier.stopping();
    gateway.close();
    await telemetry.stopped;
    logger.info('regnode has stopped');
    stopHearing();
  }
}

function present<T>(path: string, value: T | undefined): T {
  if (value !== undefined) return value;
  throw new Fault('CONFIGURATION_INVALID', { path, detail: 'it is missing or not complete' });
}
