// The gateway's life: Kubernetes → CA → tunnels and telemetry → the public port → status, then until the signal.
// Everything that it starts is stopped in the reverse order; an API server that is away for a while
// ends nothing.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { ApiServerAccess } from '../../protocol/desired.ts';
import { Fault } from '../../protocol/fault.ts';
import type { StreamAudit } from '../../protocol/tunnel/audit.ts';
import { ArtifactStore } from '../artifacts/store.ts';
import { watchStore } from '../artifacts/watch.ts';
import { openAudit } from '../audit/audit.ts';
import { createCounters } from '../audit/counters.ts';
import { startEgress } from '../egress/server.ts';
import { Authority } from '../join/authority.ts';
import { identify, identifyForRenewal, registrationsOf } from '../join/client-certificate.ts';
import type { ClusterConnection } from '../kubernetes/connect.ts';
import { createEventRecorder } from '../kubernetes/event-recorder.ts';
import { assertSetUp } from '../kubernetes/setup.ts';
import { openLine, vxlanPort } from '../line/line.ts';
import { Departures } from '../nodes/departures.ts';
import { registeredNodes } from '../nodes/node.ts';
import { Reconciler } from '../nodes/reconciler.ts';
import { TunnelCertificates } from '../nodes/tunnel-certificates.ts';
import { Tunnels } from '../nodes/tunnels.ts';
import { type PoolObject, poolSpec } from '../pools/pool.ts';
import { hasMoved, lostTo } from '../replicas/holding.ts';
import { startReplicas } from '../replicas/replicas.ts';
import { TelemetryIntake } from '../telemetry/intake.ts';
import { auditRefusals } from '../telemetry/refusal-audit.ts';
import { apiServerWay } from '../tunnel/api-server.ts';
import { TunnelHub } from '../tunnel/hub.ts';
import { watchAuthority } from './authority-watch.ts';
import { startCilium } from './cilium.ts';
import { createClusterView } from './cluster-view.ts';
import { limits, RepeatFilter } from './limits.ts';
import { startLoops } from './loops.ts';
import { MetricsPages } from './metrics-pages.ts';
import { feedRemoteWrite, openKubeletScrapes, openRemoteWrite } from './monitoring.ts';
import type { ServeOptions } from './options.ts';
import { publishAddress } from './public-address.ts';
import { openPublicPort } from './public-port.ts';
import { publicRoutes } from './routes.ts';
import { scrapeAccess } from './scrape-access.ts';
import { issueReplicaCertificate, issueServingCertificate } from './serving-certificate.ts';
import { openStatusPort } from './status-port.ts';

/** Resolves when everything has ended after `signal`. `started` hears the addresses in use. */
export async function serve(
  options: ServeOptions,
  connection: ClusterConnection,
  logger: Logger,
  signal: AbortSignal,
  started: (addresses: { publicPort: number; statusPort: number }) => void = () => {},
): Promise<void> {
  const { kubernetes } = connection;
  const now = Date.now;
  await using cleanup = new AsyncDisposableStack();

  const store = new ArtifactStore(options.artifacts, options.artifactKeySha256);
  await store.manifest();
  await reachable(() => assertSetUp(() => kubernetes.list(registeredNodes)), logger, signal);
  if (signal.aborted) return;

  const authority = await Authority.open(kubernetes, now, { nodeMs: options.certificateLifetime });
  const certificate = await issueServingCertificate(authority, new URL(options.publicUrl), logger);
  cleanup.defer(() => certificate.stop());

  const tunnels = new Tunnels();
  const apiServerUrl = options.apiServerUrl ?? connection.apiServerUrl;
  const auditStream = (stream: StreamAudit, isRepeated = false) => {
    counters.streams.inc({ outcome: stream.outcome });
    if (stream.code !== undefined) counters.refusedStreams.inc({ code: stream.code });
    if (!isRepeated) audit.record({ event: 'stream', ...stream });
  };
  const hub = new TunnelHub({
    logger,
    name: options.name,
    onRefusal: (record) => audit.record({ event: 'tunnel', outcome: 'refused', ...record }),
    onOffer: apiServerWay({
      apiServerUrl,
      isAllowed: ({ pool }) => accessOf(view.pools.get(pool)) === 'tunnel',
      audit: auditStream,
    }),
  });
  const counters = createCounters({
    hub: () => hub.figures,
    registered: () => [...view.registered.values()].length,
    replicas: () => replicas.figures,
    connected: () => tunnels.connected(),
    name: options.name,
  });
  const audit = openAudit(options.auditFile);
  cleanup.defer(() => audit.close());
  const reopen = () => audit.reopen();
  process.on('SIGHUP', reopen);
  cleanup.defer(() => void process.off('SIGHUP', reopen));

  const recordEvent = createEventRecorder(kubernetes, logger);
  const view = createClusterView(kubernetes, logger, counters);
  const remoteWrite = await openRemoteWrite(options, counters.registry, logger);
  cleanup.defer(() => remoteWrite?.stop());
  const intake = new TelemetryIntake({
    poolOf: (name) => view.registered.get(name)?.spec.pool,
    sink: remoteWrite,
    onRefusal: auditRefusals(audit, now),
    isElsewhere: (name) => {
      const tunnel = view.registered.get(name)?.status?.tunnel;
      return tunnel?.connected === true && tunnel.gateway !== options.name;
    },
  });
  if (remoteWrite) {
    cleanup.defer(feedRemoteWrite(remoteWrite, { intake, registry: counters.registry, name: options.name }));
  }
  hub.onSession((node, session) => tunnels.opened(node, session));
  hub.onHeartbeat((node, payload) => intake.heartbeat(node, payload));
  hub.onTelemetry((node, payload) => {
    const acknowledgement = intake.accept(node, payload);
    if (acknowledgement) hub.acknowledgeTelemetry(node, acknowledgement);
  });

  const replicaCertificate = await issueReplicaCertificate(authority, options.name, logger);
  cleanup.defer(() => replicaCertificate.stop());
  const replicas = await startReplicas({
    kubernetes,
    name: options.name,
    listen: options.replicaListen,
    address: options.replicaAddress,
    certificate: replicaCertificate,
    hub,
    registered: (name) => view.registered.get(name),
    audit,
    auditStream,
    onRefused: ({ code }) => counters.refusedReplicas.inc({ code }),
    answer: async (path) => pages.answer(path),
    logger,
    now,
  });
  cleanup.defer(() => replicas.close());
  const pages = new MetricsPages({
    self: options.name,
    registry: counters.registry,
    intake,
    isConnectedHere: (name) => tunnels.isConnected(name),
    holderOf: (name) => replicas.holderOf(name),
    replicas: () => replicas.roster.replicas,
    ask: (replica, path) => replicas.ask(replica, path),
  });
  view.registered.onChange((change) => {
    const replica = lostTo(options.name, change);
    if (replica !== undefined) {
      tunnels.forget(change.name);
      intake.forget(change.name);
      hub.supersede(change.name, `its tunnel is at ${replica} now`);
    }
    replicas.ways.changed(change.name);
  });
  tunnels.onChange((name) => replicas.ways.changed(name));

  const startedAtMs = now();
  const departures = new Departures({
    kubernetes,
    tunnels,
    audit,
    counters,
    recordEvent,
    logger,
    drainTimeoutMs: options.drainTimeoutMs,
    now,
  });
  const reconciler = new Reconciler({
    kubernetes,
    pools: (name) => view.pools.get(name),
    registered: (name) => view.registered.get(name),
    nodes: (name) => view.nodes.get(name),
    artifacts: () => store.manifest(),
    tunnels,
    departures,
    recordEvent,
    logger,
    gateway: options.name,
    isLive: (name) => replicas.roster.isLive(name),
    looksAfter: replicas.looksAfter,
    settled: () => now() - startedAtMs > options.settleMs,
    onGone: (name) => {
      hub.close(name, 'the node was removed');
      tunnels.forget(name);
      intake.forget(name);
    },
    now,
  });
  const loops = startLoops({
    view,
    reconciler,
    tunnels,
    kubernetes,
    artifacts: async () => (await store.manifest()).artifacts,
    counters,
    audit,
    logger,
    settleMs: options.settleMs,
    roster: replicas.roster,
  });
  cleanup.defer(() => loops.stop());
  await loops.ready;
  const cilium = startCilium({ kubernetes, view, apiServerUrl, recordEvent, logger });
  cleanup.defer(() => cilium.stop());

  if (options.egressSocket !== undefined) {
    const egress = await startEgress({
      socketPath: options.egressSocket,
      hub: replicas.ways,
      resolveNode: view.resolve,
      // A registered node without a tunnel is refused, not looked for elsewhere.
      dialDirectly: (host) => view.resolve(host) === undefined,
      audit: auditStream,
      logger,
    });
    cleanup.defer(() => egress.close());
  }

  const desk = {
    kubernetes,
    authority,
    artifacts: () => store.manifest(),
    apiServer: { url: apiServerUrl, caPem: connection.apiServerCaPem },
    isConnected: (name: string) => tunnels.isConnected(name) || replicas.holderOf(name) !== undefined,
    now,
  };
  const repeats = new RepeatFilter({
    intervalMs: limits.repeatedAuditMs,
    remembered: limits.rememberedAddresses,
  });
  const tunnelCertificates = new TunnelCertificates({
    kubernetes,
    logger,
    registered: (name) => view.registered.get(name),
    close: (name, reason) => hub.close(name, reason),
  });
  view.registered.onChange((change) => tunnelCertificates.changed(change));
  const registrations = registrationsOf(kubernetes, (name) => view.registered.get(name), now);
  const line = await openLine({
    listen:
      options.probeListen === 'off'
        ? undefined
        : (options.probeListen ?? { host: options.listen.host, port: vxlanPort }),
    secret: () => authority.derive('line probes'),
    addressesOf: (name) => view.registered.get(name)?.spec.addresses ?? [],
    registry: counters.registry,
    logger,
    now,
  });
  cleanup.defer(() => line.close());
  const publicPort = await openPublicPort({
    listen: options.listen,
    tls: certificate.current,
    routes: [
      ...line.routes,
      ...publicRoutes({
        desk,
        store,
        installScript: options.installScript,
        departures,
        reconciler,
        audit,
        counters,
        recordEvent,
      }),
    ],
    tunnelPath: '/v1/tunnel',
    identify: (peer) => identify(peer, registrations, now()),
    identifyForRenewal: (peer) =>
      identifyForRenewal(peer, registrations, now(), {
        isOurs: (der) => authority.hasSigned(der),
        graceMs: (pool) => graceMs(view.pools.get(pool)),
      }),
    onTunnel: (request, socket, head, node, { serial }) => {
      tunnelCertificates.opened(node.name, serial);
      hub.handleUpgrade(request, socket, head, node);
    },
    onRefused: (fault, address, path) => {
      if (fault.code !== 'CERTIFICATE_REFUSED' && fault.code !== 'NODE_NOT_REGISTERED') return;
      counters.refusedCertificates.inc({ code: fault.code });
      if (!repeats.isNew(`${address} ${fault.message}`, now())) return;
      audit.record({ event: 'certificate', outcome: 'refused', address, path, ...fault.toWire() });
    },
    connectionsPerAddress: options.connectionsPerAddress,
    counters,
    logger,
  });
  const publish = async () =>
    publishAddress(kubernetes, {
      publicUrl: options.publicUrl,
      caSha256: authority.caSha256,
      artifactKeySha256: (await store.manifest()).keySha256,
    });
  const tellAuthority = (name: string) => tunnels.send(name, { kind: 'authority', caPem: authority.caPem });
  hub.onSession((name) => tellAuthority(name));
  const authorityWatch = watchAuthority({
    kubernetes,
    authority,
    logger,
    changed: async () => {
      publicPort.renew(await certificate.renew());
      await replicaCertificate.renew();
      replicas.renew();
      await publish();
      for (const name of hub.nodes()) tellAuthority(name);
    },
  });
  cleanup.defer(() => authorityWatch.stop());
  certificate.keepFresh((tls) => publicPort.renew(tls));
  replicaCertificate.keepFresh(() => replicas.renew());
  cleanup.defer(() => publicPort.close(options.stopGraceMs));
  cleanup.defer(async () => {
    // Whoever connects now is to reach another replica.
    publicPort.stopAccepting();
    await Promise.all([replicas.drain(options.drainGrace), hub.drain(options.drainGrace)]);
  });

  const kubelets = await openKubeletScrapes({
    options,
    kubernetes,
    apiServerCaPem: connection.apiServerCaPem,
    wayTo: (name) => replicas.ways.session(name),
    registry: counters.registry,
  });
  cleanup.defer(() => kubelets.close());
  hub.onSession((name) => kubelets.moved(name));
  view.registered.onChange((change) => {
    if (hasMoved(change)) kubelets.moved(change.name);
  });
  await publish();
  const storeWatch = watchStore(store, logger, () => {
    loops.reconcileAll();
    publish().catch((error: unknown) =>
      logger.error({ err: error }, 'the key of the artifacts is not published'),
    );
  });
  cleanup.defer(() => storeWatch.stop());
  const statusPort = await openStatusPort({
    listen: options.metricsListen,
    pages,
    latest: (name) => intake.latest(name),
    registered: () => view.registered.values(),
    tunnels,
    access: scrapeAccess(options.scrapeTokenFile),
    kubelets: kubelets.scrapes,
    gateway: options.name,
    replicas: () => replicas.roster.replicas,
    holderOf: (node) => replicas.holderOf(node.metadata.name),
    notReady: () => {
      const missing = view.missing();
      return missing.length > 0 ? `not read yet: ${missing.join(', ')}` : undefined;
    },
  });
  cleanup.defer(() => statusPort.close());

  started({ publicPort: publicPort.address.port, statusPort: statusPort.address.port });
  logger.info(
    { listen: publicPort.address, metrics: statusPort.address, caSha256: authority.caSha256 },
    'gateway is ready',
  );
  await Promise.race([aborted(signal), replicas.taken]);
  logger.info('stopping');
}

function accessOf(pool: PoolObject | undefined): ApiServerAccess {
  return pool?.spec.apiServerAccess ?? 'direct';
}

function graceMs(pool: PoolObject | undefined): number {
  return pool ? poolSpec(pool).certificateGraceDays * 24 * 3600_000 : 0;
}

/** An API server that can't be reached is waited for, with growing pauses; any other refusal ends the start. */
async function reachable(probe: () => Promise<void>, logger: Logger, signal: AbortSignal): Promise<void> {
  for (let attempt = 1; !signal.aborted; attempt++) {
    try {
      return await probe();
    } catch (error) {
      if (!(error instanceof Fault && error.code === 'KUBERNETES_UNREACHABLE')) throw error;
      const pauseMs = Math.min(15_000, 500 * 2 ** attempt) * (0.5 + Math.random() / 2);
      logger.warn(
        { ...error.explain(), code: error.code, nextTryMs: Math.round(pauseMs) },
        'waiting for Kubernetes',
      );
      await sleep(pauseMs, undefined, { signal }).catch(() => {});
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
