// The one TLS port: limits on every connection and request, then a table of routes. It knows nothing of Kubernetes: what a route
// does is handed in.
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { background, tellDefect } from '../../protocol/defect.ts';
import { limits } from './limits.ts';
import { listen } from './listen.ts';
import { type PortCertificate, secureContext } from './port-certificate.ts';
import { refuseBroken, trackConnections } from './port-connections.ts';
import { answer, upgrade } from './port-requests.ts';
import type { RouteTable } from './route.ts';

export interface PublicPortOptions extends RouteTable {
  readonly listen: { readonly host: string; readonly port: number };
  readonly tls: PortCertificate;
  readonly connectionsPerAddress?: number;
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
  const sockets = trackConnections(
    server,
    counters,
    options.connectionsPerAddress ?? limits.connectionsPerAddress,
  );

  server.on('request', (request, response) => {
    response.setTimeout(limits.stalledAnswerMs, () => {
      // A long wait for us (a drain) is no stall of theirs: only unsent bytes are.
      if (response.writableLength > 0 || response.socket?.writableLength) response.destroy();
    });
    background('request', answer(options, request, response), (error) => {
      tellDefect('request', error);
      response.destroy();
    });
  });
  server.on('upgrade', (request, socket, head) => {
    background('upgrade', upgrade(options, request, socket, head), (error) => {
      tellDefect('upgrade', error);
      socket.destroy();
    });
  });
  refuseBroken(server, counters, logger);
  const address = await listen(server, options.listen);
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
        for (const socket of sockets) socket.destroy();
      }, graceMs);
      stopAccepting();
      await closed.promise;
      clearTimeout(timer);
    },
  };
}
