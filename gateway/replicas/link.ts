// The way from this replica to another one: one connection, made when it is first needed, with the tunnel's
// own protocol on it. Streams that are asked for meanwhile wait for it. When it ends, everything on it is
// reset at that moment, and the link is of no use any more.

import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import tls, { type TLSSocket } from 'node:tls';
import { WebSocket } from 'ws';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { background } from '../../protocol/defect.ts';
import type { StreamTarget } from '../../protocol/messages/session.ts';
import type { TunnelClock } from '../../protocol/tunnel/clock.ts';
import { offerSession } from '../../protocol/tunnel/handshake.ts';
import { subprotocol } from '../../protocol/tunnel/limits.ts';
import { Session } from '../../protocol/tunnel/session.ts';
import type { StreamEndpoint } from '../../protocol/tunnel/stream.ts';
import { CloseCode } from '../../protocol/tunnel/transport.ts';
import { WebsocketTransport, websocketOptions } from '../../protocol/tunnel/websocket.ts';
import { peerCertificate } from '../join/client-certificate.ts';
import type { PortCertificate } from '../port/certificate.ts';
import { parseListen } from '../port/listen.ts';
import { identifyReplica } from './identity.ts';
import { linkLimits } from './limits.ts';

export interface LinkOptions {
  readonly replica: string;
  /** `host:port` of its door. */
  readonly address: string;
  readonly certificate: PortCertificate;
  readonly clock: TunnelClock;
  readonly onEnd: (reason: string) => void;
}

interface Waiting {
  readonly target: StreamTarget;
  readonly endpoint: StreamEndpoint;
  /** Once it has been opened. */
  giveUp?: () => void;
}

export class Link {
  readonly #options: LinkOptions;
  readonly #session: Session;
  readonly #waiting = new Set<Waiting>();
  #over = false;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#session = new Session({
      role: 'agent',
      clock: options.clock,
      limits: linkLimits,
      onOffer: (stream) =>
        stream.refuse(new Fault('TUNNEL_TARGET_REFUSED', { target: stream.target.target })),
      onConnectionLost: (reason) => this.end(reason),
    });
    this.#session.onStateChange((state) => {
      if (state === 'Open') this.#openWaiting();
    });
    background('link to a replica', this.#connect());
  }

  get streams(): number {
    return this.#session.figures.streams + this.#waiting.size;
  }

  /** Every outcome is told to the endpoint. The function gives up waiting. */
  open(target: StreamTarget, endpoint: StreamEndpoint): () => void {
    if (this.#session.state === 'Open') return this.#session.open(target, endpoint);
    const waiting: Waiting = { target, endpoint };
    this.#waiting.add(waiting);
    return () => {
      waiting.giveUp?.();
      if (this.#waiting.delete(waiting)) {
        endpoint.refused(new Fault('TUNNEL_STREAM_RESET', { detail: 'cancelled' }));
      }
    };
  }

  /** FIN on all streams, after what is underway. */
  finish(): void {
    this.#session.finish();
  }

  /** At once: streams are reset. */
  end(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    const fault = new Fault('REPLICA_UNREACHABLE', { replica: this.#options.replica, detail: reason });
    for (const { endpoint } of this.#waiting) endpoint.refused(fault);
    this.#waiting.clear();
    this.#session.end(CloseCode.shuttingDown, reason);
    this.#options.onEnd(reason);
  }

  async #connect(): Promise<void> {
    try {
      const transport = await dial(this.#options);
      if (this.#over) transport.terminate();
      else {
        const self = { instance: randomBytes(16).toString('hex'), epoch: 1 };
        const timing = { clock: this.#options.clock, limits: linkLimits };
        offerSession(transport, this.#session, self, timing, (reason) => this.end(reason));
      }
    } catch (error) {
      this.end((error as Error).message);
    }
  }

  #openWaiting(): void {
    for (const waiting of this.#waiting) {
      waiting.giveUp = this.#session.open(waiting.target, waiting.endpoint);
    }
    this.#waiting.clear();
  }
}

async function dial({ replica, address, certificate }: LinkOptions): Promise<WebsocketTransport> {
  const at = parseListen(address);
  if (!at) throw new Error(`its address "${address}" is not HOST:PORT`);
  const { promise, resolve, reject } = Promise.withResolvers<WebsocketTransport>();
  const connect = (): Socket =>
    tls.connect({
      ...at,
      ca: certificate.caPem,
      cert: certificate.certificatePem,
      key: certificate.keyPem,
      minVersion: 'TLSv1.3',
      ALPNProtocols: ['http/1.1'],
      // Not a host's name but the replica's own is what its certificate must say; see below.
      checkServerIdentity: () => undefined,
    });
  const options = { ...websocketOptions, createConnection: connect };
  const websocket = new WebSocket(`wss://${address}/v1/replica`, subprotocol, options);
  const timer = setTimeout(() => {
    reject(new Error(`no answer within ${linkLimits.upgradeTimeoutMs} ms`));
    websocket.terminate();
  }, linkLimits.upgradeTimeoutMs);
  let socket: TLSSocket | undefined;
  websocket.once('upgrade', (response) => {
    socket = response.socket as TLSSocket;
    socket.setNoDelay(true);
  });
  websocket.on('error', reject);
  websocket.once('open', () => {
    websocket.off('error', reject);
    try {
      if (!socket) throw new Error('there is no socket');
      const found = identifyReplica(peerCertificate(socket), Date.now());
      if (found !== replica) throw new Error(`${address} is the replica ${found}`);
      resolve(new WebsocketTransport(websocket, socket));
    } catch (error) {
      websocket.on('error', () => {});
      websocket.terminate();
      reject(error as Error);
    }
  });
  return promise.finally(() => clearTimeout(timer));
}
