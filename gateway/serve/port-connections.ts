// Connections of the public port, before anybody has asked for anything: how many, and what becomes of those that break.
import type https from 'node:https';
import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import type { Counters } from '../audit/counters.ts';
import { endWith } from './last-words.ts';
import { ConnectionCounter } from './limits.ts';

type RefusalCounters = Pick<Counters, 'refusedConnections'>;

/** Counted on the TCP connection, before any handshake costs something. */
export function trackConnections(
  server: https.Server,
  counters: RefusalCounters,
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

/** What is no request, or no TLS, is answered if anybody can hear it, and counted. */
export function refuseBroken(server: https.Server, counters: RefusalCounters, logger: Logger): void {
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
