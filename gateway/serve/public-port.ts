// The one TLS port: limits on every connection and request, then a table of routes. Who the peer is comes from its
// certificate alone. It knows nothing of Kubernetes: what a route does is handed in.
import type { IncomingMessage, ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { Logger } from 'pino';
import { Fault } from '../../protocol/fault.ts';
import type { Counters } from '../audit/counters.ts';
import { type NodeIdentity, type PeerCertificate, peerCertificate } from '../join/client-certificate.ts';
import { answerFault, faultFor } from './answer.ts';
import { httpStatus } from './http-status.ts';
import { endWith } from './last-words.ts';
import { ConnectionCounter, limits } from './limits.ts';
import { listen } from './listen.ts';
import { type PortCertificate, secureContext } from './port-certificate.ts';

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Without the query. */
  readonly path: string;
  readonly address: string;
}

export type Route =
  | {
      readonly methods: readonly string[];
      /** Exact, or a prefix when it ends in `/`. */
      readonly path: string;
      readonly access: 'anybody';
      readonly run: (exchange: Exchange) => Promise<void> | void;
    }
  | {
      readonly methods: readonly string[];
      readonly path: string;
      /** `renewal`: a node whose certificate has expired within the grace is let in as well. */
      readonly access: 'node' | 'renewal';
      readonly run: (
        exchange: Exchange,
        node: NodeIdentity,
        certificate: PeerCertificate,
      ) => Promise<void> | void;
    };

type Identify = (certificate: PeerCertificate | undefined) => Promise<NodeIdentity>;

export interface PublicPortOptions {
  readonly listen: { readonly host: string; readonly port: number };
  readonly tls: PortCertificate;
  readonly routes: readonly Route[];
  readonly tunnelPath: string;
  readonly identify: Identify;
  readonly identifyForRenewal: Identify;
  readonly onTunnel: (
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    node: NodeIdentity,
    certificate: PeerCertificate,
  ) => void;
  readonly onRefused: (fault: Fault, address: string, path: string) => void;
  readonly connectionsPerAddress?: number;
  readonly counters: Pick<Counters, 'requests' | 'refusedConnections'>;
  readonly logger: Logger;
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
    void answer(options, request, response);
  });
  server.on('upgrade', (request, socket, head) => void upgrade(options, request, socket, head));
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    logger.debug({ err: error }, 'broken request');
    const reason = brokenReason(error.code ?? '');
    if (reason) counters.refusedConnections.inc({ reason });
    endWith(
      socket,
      `HTTP/1.1 ${brokenRequests[error.code ?? ''] ?? '400 Bad Request'}\r\nconnection: close\r\n\r\n`,
    );
  });
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
    // There is nobody to answer yet: what is written would wait for the handshake that has just been given up.
    socket.destroy();
    // No TLS, or one that stalled for handshakeTimeoutMs; a peer that went away was not refused.
    if (error.code !== 'ECONNRESET') counters.refusedConnections.inc({ reason: 'handshake' });
    logger.debug({ err: error }, 'failed handshake');
  });

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

const brokenRequests: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/** What a request broke, as `regnode_gateway_refused_connections_total` names it. */
function brokenReason(code: string): string | undefined {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'slow-request';
  if (code === 'HPE_HEADER_OVERFLOW') return 'large-headers';
  return code.startsWith('HPE_') ? 'malformed' : undefined;
}

async function answer(
  options: PublicPortOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const exchange = { request, response, path: pathOf(request), address: addressOf(request) };
  const route = options.routes.find(({ path }) =>
    path.endsWith('/') ? exchange.path.startsWith(path) : exchange.path === path,
  );
  const label = route?.path ?? 'unknown';
  try {
    if (!route?.methods.includes(request.method ?? '')) {
      throw new Fault('PATH_UNKNOWN', { method: request.method ?? '', path: exchange.path.slice(0, 120) });
    }
    await run(options, route, exchange);
    options.counters.requests.inc({ route: label, status: String(response.statusCode) });
  } catch (error) {
    if (response.destroyed) {
      // The peer went away in the middle of a download: its business.
      options.counters.requests.inc({ route: label, status: 'aborted' });
      return;
    }
    const fault = faultFor(error);
    if (fault !== error) options.logger.error({ err: error, path: exchange.path }, 'request failed');
    options.onRefused(fault, exchange.address, exchange.path);
    options.counters.requests.inc({ route: label, status: String(httpStatus(fault.code)) });
    // What is left of a body that was not read would hold up the connection.
    if (!request.complete) response.setHeader('connection', 'close');
    answerFault(response, fault);
  }
}

async function run(options: PublicPortOptions, route: Route, exchange: Exchange): Promise<void> {
  if (route.access === 'anybody') return route.run(exchange);
  const certificate = peerCertificate(exchange.request.socket as TLSSocket);
  const identify = route.access === 'renewal' ? options.identifyForRenewal : options.identify;
  const node = await identify(certificate);
  if (certificate) await route.run(exchange, node, certificate);
}

async function upgrade(
  options: PublicPortOptions,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  const path = pathOf(request);
  const ignoreErrors = () => {};
  socket.on('error', ignoreErrors);
  try {
    if (path !== options.tunnelPath)
      throw new Fault('PATH_UNKNOWN', { method: 'upgrade', path: path.slice(0, 120) });
    const certificate = peerCertificate(socket as TLSSocket);
    const node = await options.identify(certificate);
    socket.off('error', ignoreErrors);
    options.counters.requests.inc({ route: path, status: '101' });
    if (certificate) options.onTunnel(request, socket, head, node, certificate);
  } catch (error) {
    const fault = faultFor(error);
    if (fault !== error) options.logger.error({ err: error, path }, 'upgrade failed');
    options.onRefused(fault, addressOf(request), path);
    options.counters.requests.inc({ route: options.tunnelPath, status: String(httpStatus(fault.code)) });
    const body = `${JSON.stringify({ error: fault.toWire() })}\n`;
    endWith(
      socket,
      `HTTP/1.1 ${httpStatus(fault.code)} Refused\r\nconnection: close\r\ncontent-type: application/json\r\n` +
        `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  }
}

/** Counted on the TCP connection, before any handshake costs something. */
function trackConnections(
  server: https.Server,
  counters: Pick<Counters, 'refusedConnections'>,
  connectionsPerAddress: number,
): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  const perAddress = new ConnectionCounter(connectionsPerAddress);
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    if (!perAddress.take(address)) {
      counters.refusedConnections.inc({ reason: 'per-address' });
      socket.destroy();
      return;
    }
    sockets.add(socket);
    socket.once('close', () => {
      sockets.delete(socket);
      perAddress.release(address);
    });
  });
  server.on('drop', () => counters.refusedConnections.inc({ reason: 'total' }));
  return sockets;
}

const pathOf = (request: IncomingMessage) => (request.url ?? '/').split('?', 1)[0] ?? '/';
const addressOf = (request: IncomingMessage) => request.socket.remoteAddress?.replace(/^::ffff:/, '') ?? '';
