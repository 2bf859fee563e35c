// The one TLS port: limits on every connection and request, then a table of routes. It knows nothing of
// Kubernetes: what a route does is handed in.
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { background, tellDefect } from '../../protocol/defect.ts';
import { type BucketLimits, TokenBuckets } from '../../protocol/rate/token-bucket.ts';
import type { PeerCertificate } from '../join/client-certificate.ts';
import { type AnonymousLimits, AnonymousPace, anonymousLimits } from './anonymous-pace.ts';
import { type PortCertificate, secureContext } from './certificate.ts';
import { type Connections, refuseBroken, trackConnections } from './connections.ts';
import { limits, placeLimits } from './limits.ts';
import { listen } from './listen.ts';
import type { PlaceLimits } from './places.ts';
import { answer, upgrade } from './requests.ts';
import { addressOf, type Route, type RouteTable } from './route.ts';
import { type Begin, inTurn } from './turns.ts';

export interface PublicPortOptions
  extends Omit<RouteTable, 'anonymous' | 'unlisted' | 'certified' | 'nodeOf'> {
  readonly listen: { readonly host: string; readonly port: number };
  readonly tls: PortCertificate;
  /**
   * How often whoever shows no certificate may ask, and apart from them whoever shows one of ours that is
   * no registered node's; default: limits.ts.
   */
  readonly anonymous?: AnonymousLimits;
  /** How often whoever shows one of ours; default: limits.ts. */
  readonly certified?: BucketLimits;
  /** How many connections whom; default: limits.ts. */
  readonly places?: Partial<PlaceLimits>;
  /**
   * The node of a certificate, said without asking the API server; whom it does not know, a request may show.
   */
  readonly recognize?: (certificate: PeerCertificate) => Promise<string | undefined>;
  readonly isKnownAddress?: (address: string) => boolean;
}

export interface PublicPort {
  readonly address: AddressInfo;
  renew(tls: PortCertificate): void;
  /** Takes no new connection; what is connected goes on. */
  stopAccepting(): void;
  /** Takes no new connection; ends when the requests under way have, at the latest after `graceMs`. */
  close(graceMs: number): Promise<void>;
}

export async function openPublicPort(options: PublicPortOptions): Promise<PublicPort> {
  const { counters, logger } = options;
  const server = https.createServer({
    ...secureContext(options.tls),
    requestCert: true,
    // A host that joins has no certificate yet; routes for nodes ask for one.
    rejectUnauthorized: false,
    minVersion: 'TLSv1.2',
    handshakeTimeout: limits.handshakeTimeoutMs,
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: 2_000,
  });
  server.maxConnections = limits.connections;
  server.maxRequestsPerSocket = 1000;
  const { recognize = async () => undefined, isKnownAddress } = options;
  const connections = trackConnections(server, {
    limits: { ...placeLimits, ...options.places },
    recognize,
    ...(isKnownAddress && { isKnownAddress }),
    count: (reason) => counters.refusedConnections.inc({ reason }),
    logger,
  });
  const anonymous = new AnonymousPace(options.anonymous ?? anonymousLimits);
  const unlisted = new AnonymousPace(options.anonymous ?? anonymousLimits);
  const certified = new TokenBuckets(options.certified ?? limits.certified, limits.rememberedNodes);
  const table = placed(
    { ...options, anonymous, unlisted, certified, nodeOf: connections.nodeOf },
    connections,
  );

  const begin: Begin = (request, response) => {
    response.setTimeout(limits.stalledAnswerMs, () => {
      // A long wait for us (a drain) is no stall of theirs: only unsent bytes are.
      if (response.writableLength > 0 || response.socket?.writableLength) response.destroy();
    });
    background('request', answer(table, request, response), (error) => {
      tellDefect('request', error);
      response.destroy();
    });
  };
  const cut = () => counters.refusedConnections.inc({ reason: 'pipelined' });
  server.on('request', inTurn(begin, limits.waitingRequests, cut));
  server.on('upgrade', (request, socket, head) => {
    background('upgrade', upgrade(table, request, socket, head), (error) => {
      tellDefect('upgrade', error);
      socket.destroy();
    });
  });
  refuseBroken(server, counters, logger);
  const address = await listen(server, options.listen, '--listen');
  const closed = Promise.withResolvers<void>();
  const stopAccepting = () => {
    if (server.listening) server.close(() => closed.resolve());
    server.closeIdleConnections();
  };
  return {
    address,
    renew: (tls) => server.setSecureContext(secureContext(tls)),
    stopAccepting,
    close: async (graceMs) => {
      // All sockets, because the server does not count the ones that became tunnels.
      const timer = setTimeout(() => {
        for (const socket of connections.sockets) socket.destroy();
      }, graceMs);
      stopAccepting();
      await closed.promise;
      clearTimeout(timer);
      connections.close();
    },
  };
}

/** Whoever has shown who it is has a place of its node's, before anything is done for it. */
function placed(table: RouteTable, connections: Connections): RouteTable {
  const byNode = (route: Route): Route =>
    route.access === 'anybody'
      ? route
      : {
          ...route,
          run: (exchange, node, certificate) => {
            if (connections.identified(exchange.request.socket, node.name))
              return route.run(exchange, node, certificate);
            throw new Fault('TOO_MANY_REQUESTS', { address: exchange.address, seconds: 5 });
          },
        };
  return {
    ...table,
    routes: table.routes.map(byNode),
    onTunnel: (request, socket, head, node, certificate) => {
      if (connections.identified(socket, node.name)) table.onTunnel(request, socket, head, node, certificate);
      else throw new Fault('TOO_MANY_REQUESTS', { address: addressOf(request), seconds: 5 });
    },
  };
}
