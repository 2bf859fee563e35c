// The sockets that listen, opened last and in this order: the other replicas', the hosts', and the one that
// says that all is ready. Each is whole when it opens: what answers behind it was made by an earlier stage.
// The API server's is open since the start (api-server-door.ts) and learns here which nodes there are.
import type { AddressInfo } from 'node:net';
import { kubeletPortOf } from '../egress/kubelet-port.ts';
import { JoinPace } from '../join/join-pace.ts';
import { openLine, vxlanPort } from '../line/line.ts';
import { openPublicPort, type PublicPort } from '../port/public-port.ts';
import { ownAddress } from '../replicas/address.ts';
import type { ApiServerDoor } from './api-server-door.ts';
import type { Given } from './given.ts';
import type { Ground } from './ground.ts';
import { openIdentities } from './identities.ts';
import { openKubelets, openStatus } from './monitoring.ts';
import type { Neighbours } from './neighbours.ts';
import { toldToHosts } from './options.ts';
import { openPodWays } from './pod-ways.ts';
import { keepPublished } from './publication.ts';
import type { Records } from './records.ts';
import { answerHolder, holderPath } from './rivals.ts';
import { publicRoutes } from './routes.ts';
import type { Sessions } from './sessions.ts';
import type { Upkeep } from './upkeep.ts';

export interface Doors {
  readonly publicPort: AddressInfo;
  readonly statusPort: AddressInfo;
}

type Parts = Given &
  Ground &
  Records &
  Sessions &
  Neighbours &
  Upkeep & { readonly apiServerDoor: ApiServerDoor };

export async function openDoors(parts: Parts): Promise<Doors> {
  const { life } = parts;
  const kubelets = await openKubelets(parts);
  await openReplicaDoor(parts);
  openToNodes(parts);
  const publicPort = await openHostsPort(parts);
  life.defer(() => drain(parts, publicPort));
  // Before the drain: a connection that is only kept would hold it for its whole grace.
  life.defer(() => kubelets.close());
  await keepPublished({ ...parts, publicPort });
  const statusPort = await openStatus(parts, kubelets);
  life.defer(() => statusPort.close());
  return { publicPort: publicPort.address, statusPort: statusPort.address };
}

/** The Lease follows the door: then the others know of it. */
async function openReplicaDoor(parts: Parts): Promise<void> {
  const { options, counters, audit, auditStream, hub, replicas, pages, life } = parts;
  const count = (code: string) => counters.refusedReplicas.inc({ code });
  const door = await replicas.openDoor({
    ...{ audit, auditStream },
    listen: options.replicaListen,
    onRefused: ({ code }) => count(code),
    onCrowded: count,
    answer: (path) => (path.startsWith(holderPath) ? answerHolder(hub.rivals, path) : pages.answer(path)),
  });
  life.defer(() => door.close());
  await replicas.announce(options.replicaAddress ?? ownAddress(door.address));
}

/** A registered node without a tunnel is refused from now on, and not looked for elsewhere. */
function openToNodes(parts: Parts): void {
  const { apiServerDoor, view, replicas, book, isOwnPort, life } = parts;
  const podWays = openPodWays(parts);
  apiServerDoor.know({
    ownerOf: (host) => book.ownerOf(host),
    session: (node) => replicas.ways.session(node),
    kubeletPort: (node) => kubeletPortOf(view.nodes.get(node)),
    isOwnPort,
    findPod: (target) => podWays.find(target),
  });
  // Before what it is answered from.
  life.defer(() => apiServerDoor.close());
}

/** The public port, and the line's probes beside it. */
async function openHostsPort(parts: Parts): Promise<PublicPort> {
  const { options, connection, kubernetes, apiServerUrl, logger, now, life } = parts;
  const { store, authority, certificate, counters, view, hub, audit, tunnels, replicas, book } = parts;
  const { departures, reconciler, recordEvent } = parts;
  const desk = {
    ...{ kubernetes, authority, book, now },
    pace: new JoinPace(),
    artifacts: () => store.manifest(),
    ofGateway: toldToHosts(options, connection),
    apiServer: { url: apiServerUrl, caPem: connection.apiServerCaPem },
    isConnected: (name: string) => tunnels.isConnected(name) || replicas.holderOf(name) !== undefined,
  };
  const { listen, probeListen = { host: listen.host, port: vxlanPort } } = options;
  const line = await openLine({
    listen: probeListen === 'off' ? undefined : probeListen,
    secret: () => authority.derive('line probes'),
    addressesOf: (name) => view.registered.get(name)?.spec.addresses ?? [],
    probes: counters.lineProbes,
    logger,
    now,
  });
  life.defer(() => line.close());
  const publicPort = await openPublicPort({
    listen,
    tls: certificate.current,
    routes: [
      ...line.routes,
      ...publicRoutes({
        ...{ desk, store, departures, reconciler, audit, counters, recordEvent },
        node: (name) => view.nodes.get(name),
      }),
    ],
    tunnelPath: '/v1/tunnel',
    ...openIdentities({ kubernetes, authority, view, hub, audit, counters, logger, now }),
    places: { strangersPerAddress: options.connectionsPerAddress },
    counters,
    logger,
  });
  life.defer(() => publicPort.close(options.stopGraceMs));
  return publicPort;
}

/** Whoever connects now is to reach another replica; what is open gets its grace. */
async function drain({ options, hub, replicas }: Parts, publicPort: PublicPort): Promise<void> {
  publicPort.stopAccepting();
  await Promise.all([replicas.drain(options.drainGrace), hub.drain(options.drainGrace)]);
}
