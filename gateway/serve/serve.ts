// The gateway's life: Kubernetes → CA → tunnels and telemetry → the public port → status, then until the signal.
// Everything that it starts is stopped in the reverse order; an API server that is away for a while
// ends nothing.
import type { Logger } from 'pino';
import { outliveDefects } from '../../protocol/defect.ts';
import { defectLog } from '../../protocol/defect-log.ts';
import type { ApiServerAccess } from '../../protocol/messages/desired.ts';
import type { StreamAudit } from '../../protocol/tunnel/audit.ts';
import { ArtifactStore } from '../artifacts/store.ts';
import { watchStore } from '../artifacts/watch.ts';
import { openAudit } from '../audit/audit.ts';
import { createCounters } from '../audit/counters.ts';
import { kubeletPortOf } from '../egress/kubelet-port.ts';
import { startEgress } from '../egress/server.ts';
import { Authority } from '../join/authority.ts';
import { publishAddress } from '../join/public-address.ts';
import type { ClusterConnection } from '../kubernetes/connect.ts';
import { createEventRecorder } from '../kubernetes/event-recorder.ts';
import { openLine, vxlanPort } from '../line/line.ts';
import { auditReadmissions } from '../nodes/readmissions.ts';
import { Tunnels } from '../nodes/tunnels.ts';
import { openPublicPort } from '../port/public-port.ts';
import { issueReplicaCertificate, issueServingCertificate } from '../port/serving-certificate.ts';
import { startReplicas } from '../replicas/replicas.ts';
import type { PoolObject } from '../resources/node-pool.ts';
import { registeredNodes } from '../resources/registered-node.ts';
import { assertSetUp } from '../setup/setup.ts';
import { auditRefusals } from '../telemetry/refusal-audit.ts';
import { apiServerWay } from '../tunnel/api-server.ts';
import { TunnelHub } from '../tunnel/hub.ts';
import { openAddressBook } from './address-book.ts';
import { watchAuthority } from './authority-watch.ts';
import { startCilium } from './cilium.ts';
import { createClusterView } from './cluster-view.ts';
import { openIdentities } from './identities.ts';
import { MetricsPages } from './metrics-pages.ts';
import { openKubelets, openStatus } from './monitoring.ts';
import { defaultKubeletAccess, type ServeOptions } from './options.ts';
import { publicRoutes } from './routes.ts';
import { openTelemetry } from './telemetry.ts';
import { followTunnels } from './tunnel-moves.ts';
import { startUpkeep } from './upkeep.ts';
import { reachable } from './wait-for-kubernetes.ts';

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

  const tunnels = new Tunnels(now, (name) => hub.hurried(name));
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
  cleanup.defer(outliveDefects(defectLog(logger, (where) => counters.defects.inc({ where }))));
  const audit = openAudit(options.auditFile);
  cleanup.defer(() => audit.close());
  const reopen = () => audit.reopen();
  process.on('SIGHUP', reopen);
  cleanup.defer(() => void process.off('SIGHUP', reopen));

  const recordEvent = createEventRecorder(kubernetes, logger, now, () => counters.droppedEvents.inc());
  const view = createClusterView(kubernetes, logger, counters);
  const telemetry = await openTelemetry({
    ...{ options, view, hub, registry: counters.registry, logger },
    onRefusal: auditRefusals(audit, now),
  });
  cleanup.defer(() => telemetry.stop());
  const { intake } = telemetry;
  hub.onSession((node, session) => tunnels.opened(node, session));
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
    onCrowded: (code) => counters.refusedReplicas.inc({ code }),
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
  const { book, isOwnPort } = await openAddressBook({
    ...{ options, kubernetes, view, logger, now },
    apiServerUrls: [apiServerUrl, connection.apiServerUrl],
    replicas: () => replicas.roster.replicas.map(({ address }) => address),
  });
  view.registered.onChange(auditReadmissions(audit, recordEvent));
  followTunnels({ self: options.name, view, hub, tunnels, intake, replicas });

  const { departures, reconciler, loops } = startUpkeep({
    ...{ options, kubernetes, store, view, book, hub, tunnels, intake, replicas },
    ...{ counters, audit, recordEvent, logger, now },
  });
  cleanup.defer(() => loops.stop());
  await loops.ready;
  const cilium = startCilium({ kubernetes, view, apiServerUrl, recordEvent, logger });
  cleanup.defer(() => cilium.stop());

  if (options.egressSocket !== undefined) {
    const egress = await startEgress({
      socketPath: options.egressSocket,
      hub: replicas.ways,
      // A registered node without a tunnel is refused, not looked for elsewhere.
      resolveNode: (host) => book.ownerOf(host),
      kubeletPort: (node) => kubeletPortOf(view.nodes.get(node)),
      direct: { isOwn: isOwnPort },
      audit: auditStream,
      logger,
    });
    cleanup.defer(() => egress.close());
  }

  const desk = {
    kubernetes,
    authority,
    artifacts: () => store.manifest(),
    book,
    kubeletAccess: defaultKubeletAccess(options),
    apiServer: { url: apiServerUrl, caPem: connection.apiServerCaPem },
    isConnected: (name: string) => tunnels.isConnected(name) || replicas.holderOf(name) !== undefined,
    now,
  };
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
        departures,
        reconciler,
        audit,
        counters,
        recordEvent,
      }),
    ],
    tunnelPath: '/v1/tunnel',
    ...openIdentities({ kubernetes, authority, view, hub, audit, counters, logger, now }),
    places: { strangersPerAddress: options.connectionsPerAddress },
    counters,
    logger,
  });
  const publish = async () => {
    const { keySha256: artifactKeySha256, files } = await store.manifest();
    const { publicUrl } = options;
    const address = { publicUrl, caSha256: authority.caSha256, artifactKeySha256 };
    await publishAddress(kubernetes, address, files);
  };
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

  const monitoring = { options, connection, view, hub, tunnels, replicas, intake, pages, counters, logger };
  const kubelets = await openKubelets(monitoring);
  cleanup.defer(() => kubelets.close());
  await publish();
  const storeWatch = watchStore(store, logger, () => {
    loops.reconcileAll();
    publish().catch((error: unknown) =>
      logger.error({ err: error }, 'the key of the artifacts is not published'),
    );
  });
  cleanup.defer(() => storeWatch.stop());
  const statusPort = await openStatus(monitoring, kubelets);
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

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
