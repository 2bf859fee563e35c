// Connections of the public port, before anybody has asked for anything: each has a place (places.ts) under
// its address until the handshake has shown whose it is, and those that break are answered if anybody can
// hear it. Everything refused is counted; who had to make room is told once a minute for each address.
import type http from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type https from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { Logger } from 'pino';
import { RepeatFilter } from '../../protocol/rate/repeat-filter.ts';
import type { Counters } from '../audit/counters.ts';
import { type PeerCertificate, peerCertificate } from '../join/client-certificate.ts';
import { network } from '../resources/address.ts';
import { endWith } from '../tunnel/last-words.ts';
import { limits } from './limits.ts';
import { type Eviction, type Place, type PlaceLimits, Places } from './places.ts';

type RefusalCounters = Pick<Counters, 'refusedConnections'>;

export interface ConnectionsOptions {
  readonly limits: PlaceLimits;
  /** The node of a certificate, as far as it can be said without asking anybody. */
  readonly recognize: (certificate: PeerCertificate) => Promise<string | undefined>;
  readonly isKnownAddress?: (address: string) => boolean;
  /** Each refusal, by its reason. */
  readonly count: (reason: string) => void;
  readonly logger: Logger;
}

export interface Connections {
  readonly sockets: ReadonlySet<Socket>;
  /** A request or upgrade has shown whose connection this is. False: the node has too many. */
  identified(socket: Duplex, node: string): boolean;
  /** The registered node that has shown itself there. */
  nodeOf(socket: Duplex): string | undefined;
  close(): void;
}

interface Entered {
  readonly place: Place;
  readonly secure: (above: TLSSocket) => void;
}

export function trackConnections(server: https.Server, options: ConnectionsOptions): Connections {
  const sockets = new Set<Socket>();
  const places = new Places(options);
  /** Nothing leads from the socket under TLS to the one above it; both have the same two ends. */
  const entered = new Map<string, Entered>();
  const secured = new WeakMap<Duplex, Place>();
  const told = teller(options);

  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    const key = ends(socket);
    let above: TLSSocket | undefined;
    const place = places.enter(
      {
        address,
        movedBytes: () => (above?.bytesRead ?? 0) + (above?.bytesWritten ?? 0),
        close: (reason) => {
          told(reason, address);
          socket.destroy();
        },
      },
      Date.now(),
    );
    if (place === undefined) {
      told('rate', address);
      socket.destroy();
      return;
    }
    sockets.add(socket);
    const one: Entered = {
      place,
      secure: (socketAbove) => {
        above = socketAbove;
        secured.set(socketAbove, place);
      },
    };
    entered.set(key, one);
    socket.once('close', () => {
      sockets.delete(socket);
      if (entered.get(key) === one) entered.delete(key);
      places.leave(place);
    });
  });
  server.on('secureConnection', (socket: TLSSocket) => {
    const one = entered.get(ends(socket));
    if (one === undefined) return;
    const { place } = one;
    one.secure(socket);
    place.isHandshake = false;
    const certificate = peerCertificate(socket);
    if (certificate === undefined) return;
    options.recognize(certificate).then(
      (node) => {
        if (node === undefined || socket.destroyed || places.identified(place, node, Date.now())) return;
        told('per-node', place.address);
        socket.destroy();
      },
      () => undefined, // it stays a stranger
    );
  });
  server.on('request', (request, response) => countRequest(secured.get(request.socket), response));
  server.on('upgrade', (_request: IncomingMessage, socket: Duplex) => {
    const place = secured.get(socket);
    if (place !== undefined) place.requests += 1;
  });
  server.on('drop', () => options.count('total'));
  const sweep = setInterval(() => places.sweep(Date.now()), limits.sweepMs).unref();
  return {
    sockets,
    identified: (socket, node) => {
      const place = secured.get(socket);
      return place === undefined || places.identified(place, node, Date.now());
    },
    nodeOf: (socket) => secured.get(socket)?.node,
    close: () => clearInterval(sweep),
  };
}

/** The same for a port without TLS, where nobody shows a name: the newcomer gets in. */
export function boundConnections(
  server: http.Server,
  options: Pick<ConnectionsOptions, 'limits' | 'count' | 'logger'>,
): { close(): void } {
  const places = new Places(options);
  const told = teller(options);
  const placeOf = new WeakMap<Duplex, Place>();
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    const close = (reason: Eviction) => {
      told(reason, address);
      socket.destroy();
    };
    const movedBytes = () => socket.bytesRead + socket.bytesWritten;
    const place = places.enter({ address, movedBytes, close }, Date.now());
    if (place === undefined) {
      close('rate');
      return;
    }
    place.isHandshake = false;
    placeOf.set(socket, place);
    socket.once('close', () => places.leave(place));
  });
  server.on('request', (request, response) => countRequest(placeOf.get(request.socket), response));
  const sweep = setInterval(() => places.sweep(Date.now()), limits.sweepMs).unref();
  return { close: () => clearInterval(sweep) };
}

function countRequest(place: Place | undefined, response: ServerResponse): void {
  if (place === undefined) return;
  place.requests += 1;
  response.once('close', () => {
    place.requests -= 1;
  });
}

/** Each is counted; of one network and reason a line a minute is told. */
export function teller({ count, logger }: Pick<ConnectionsOptions, 'count' | 'logger'>) {
  const { repeatedAuditMs: intervalMs, rememberedAddresses: remembered, refusalsTold: total } = limits;
  const repeats = new RepeatFilter({ intervalMs, remembered, total });
  return (reason: Eviction, address: string) => {
    count(reason);
    const news = repeats.news(`${reason} ${network(address)}`, Date.now());
    if (news) logger.warn({ reason, address, ...news }, 'a connection made room, or found none');
  };
}

const ends = ({ remoteAddress, remotePort, localAddress, localPort }: Socket) =>
  `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;

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
    // There is nobody to answer yet: what is written would wait for the handshake
    // that has just been given up.
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
