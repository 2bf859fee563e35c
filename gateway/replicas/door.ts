// The door for the other replicas: TLS with certificates of the gateway's own CA on both sides, a websocket,
// and on it the tunnel's own protocol. A stream names a node and a target, and is joined with a stream of the
// node's tunnel, if that is here; it is never handed on, so nothing can go in circles. Whoever is no replica
// is refused, counted and audited.
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { Logger } from 'pino';
import { WebSocketServer } from 'ws';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { auditOnce, type StreamAudit } from '../../protocol/tunnel/audit.ts';
import type { TunnelClock } from '../../protocol/tunnel/clock.ts';
import { answerHello } from '../../protocol/tunnel/handshake.ts';
import { subprotocol } from '../../protocol/tunnel/limits.ts';
import { Session } from '../../protocol/tunnel/session.ts';
import { refusedFor } from '../../protocol/tunnel/socket.ts';
import type { SessionStream } from '../../protocol/tunnel/stream.ts';
import { CloseCode } from '../../protocol/tunnel/transport.ts';
import { WebsocketTransport, websocketOptions } from '../../protocol/tunnel/websocket.ts';
import { peerCertificate } from '../join/client-certificate.ts';
import { type PortCertificate, secureContext } from '../port/certificate.ts';
import { trackConnections } from '../port/connections.ts';
import { doorPlaces } from '../port/limits.ts';
import { listen } from '../port/listen.ts';
import type { TunnelHub } from '../tunnel/hub.ts';
import { endWith } from '../tunnel/last-words.ts';
import { identifyReplica } from './identity.ts';
import { doorLimits, linkLimits } from './limits.ts';
import { splice } from './splice.ts';
import { parseForwardTarget, questionTarget } from './target.ts';

export interface DoorOptions {
  readonly listen: { readonly host: string; readonly port: number };
  readonly certificate: PortCertificate;
  readonly hub: Pick<TunnelHub, 'session'>;
  readonly audit: (record: StreamAudit) => void;
  /** Takes a stream that is a question to this replica. */
  readonly onQuestion: (stream: SessionStream) => void;
  readonly onRefused: (fault: Fault, address: string) => void;
  /** A connection that made room or found none, by reason. */
  readonly onCrowded?: (reason: string) => void;
  readonly clock: TunnelClock;
  readonly logger: Logger;
}

export interface Door {
  readonly address: AddressInfo;
  readonly streams: number;
  renew(certificate: PortCertificate): void;
  close(): Promise<void>;
}

export async function openDoor(options: DoorOptions): Promise<Door> {
  const server = https.createServer({
    ...secureContext(options.certificate),
    requestCert: true,
    // So that a refusal can be counted with its reason; without a replica's certificate nothing is served.
    rejectUnauthorized: false,
    minVersion: 'TLSv1.3',
    handshakeTimeout: doorLimits.handshakeTimeoutMs,
    maxHeaderSize: doorLimits.headerBytes,
    headersTimeout: doorLimits.headersTimeoutMs,
    requestTimeout: doorLimits.headersTimeoutMs,
    connectionsCheckingInterval: 2_000,
  });
  server.maxConnections = doorLimits.connections;
  const connections = trackConnections(server, {
    limits: doorPlaces,
    recognize: async (certificate) => identifyReplica(certificate, Date.now()),
    count: (reason) => options.onCrowded?.(reason),
    logger: options.logger,
  });
  const sessions = new Set<Session>();
  server.on('request', (request, response) => {
    // There is nothing here but the upgrade, for replicas as for anybody else.
    const found =
      refusalOf(request.socket as TLSSocket) ??
      new Fault('PATH_UNKNOWN', { method: request.method ?? '', path: '' });
    options.onRefused(found, addressOf(request));
    response.writeHead(found.code === 'CERTIFICATE_REFUSED' ? 403 : 404, { connection: 'close' }).end();
  });
  const upgrades = new WebSocketServer({
    ...websocketOptions,
    noServer: true,
    clientTracking: false,
    handleProtocols: (offered) => (offered.has(subprotocol) ? subprotocol : false),
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const refusal = refusalOf(socket as TLSSocket);
    if (refusal) {
      options.onRefused(refusal, addressOf(request));
      endWith(socket, 'HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
      return;
    }
    const replica = identifyReplica(peerCertificate(socket as TLSSocket), Date.now());
    upgrades.handleUpgrade(request, socket, head, (websocket) => {
      welcome(new WebsocketTransport(websocket, socket as Socket, true), replica, options, sessions);
    });
  });
  const address = await listen(server, options.listen, '--replica-listen');
  return {
    address,
    get streams() {
      return [...sessions].reduce((sum, { figures }) => sum + figures.streams, 0);
    },
    renew: (certificate) => server.setSecureContext(secureContext(certificate)),
    close: () =>
      new Promise((resolve) => {
        for (const session of [...sessions]) session.end(CloseCode.shuttingDown, 'the replica stops');
        server.close(() => resolve());
        for (const socket of connections.sockets) socket.destroySoon();
        connections.close();
        upgrades.close();
      }),
  };
}

function welcome(
  transport: WebsocketTransport,
  replica: string,
  options: DoorOptions,
  sessions: Set<Session>,
): void {
  const { clock, logger } = options;
  const admit = () => {
    const session: Session = new Session({
      role: 'gateway',
      clock,
      limits: linkLimits,
      onOffer: (stream) => carry(stream, replica, options),
      // What it carried can't be taken up again: whoever waits for it is told at once.
      onConnectionLost: (reason) => session.end(CloseCode.dead, reason),
      onViolation: (fault) => logger.warn({ replica, detail: fault.message }, 'violation by a replica'),
    });
    sessions.add(session);
    session.onStateChange((state) => {
      if (state === 'Closed') sessions.delete(session);
    });
    return { session, resume: false, id: randomBytes(16).toString('hex') };
  };
  answerHello(transport, { clock, limits: linkLimits }, admit, (reason) =>
    logger.info({ replica, reason }, 'handshake of a replica failed'),
  );
}

function carry(stream: SessionStream, replica: string, options: DoorOptions): void {
  const { hub, audit, clock } = options;
  if (stream.target.target === questionTarget) {
    options.onQuestion(stream);
    return;
  }
  const asked = parseForwardTarget(stream.target.target);
  if (!asked) {
    stream.refuse(new Fault('TUNNEL_TARGET_UNKNOWN', { target: stream.target.target }));
    return;
  }
  const { node, target } = asked;
  const forward = { target, reason: stream.target.reason };
  const over = auditOnce({ node, target: forward, address: '', replica }, 'acceptor', { audit, clock });
  const session = hub.session(node);
  if (session)
    splice(
      stream,
      (endpoint) => session.open(forward, endpoint),
      (outcome) => over(outcome, stream),
    );
  else {
    const fault = new Fault('TUNNEL_NODE_NOT_CONNECTED', { node });
    over(refusedFor(fault), undefined);
    stream.refuse(fault);
  }
}

function refusalOf(socket: TLSSocket): Fault | undefined {
  try {
    identifyReplica(peerCertificate(socket), Date.now());
    return undefined;
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
}

const addressOf = (request: IncomingMessage) => request.socket.remoteAddress?.replace(/^::ffff:/, '') ?? '';
