// The kubelet's way to the API server through the tunnel: a listener on loopback. Each connection
// becomes a stream to the gateway, which dials the API server and nothing else. The kubelet's TLS
// passes through unread. A connection that cannot be carried is reset at once, and the kubelet tries
// again. Every process of the host can reach the listener, also pods in the host's network, so only
// connections of root's processes are carried, and the kubelet's have places of their own. Refused ones
// are counted, and logged once a minute.

import net, { type Server, type Socket } from 'node:net';
import type { Logger } from 'pino';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { background } from '../../protocol/defect.ts';
import type { ApiServerAccess } from '../../protocol/messages/desired.ts';
import { RepeatFilter } from '../../protocol/rate/repeat-filter.ts';
import type { BucketLimits } from '../../protocol/rate/token-bucket.ts';
import { auditOnce, type StreamAudit } from '../../protocol/tunnel/audit.ts';
import { realClock, type TunnelClock, type TunnelTimer } from '../../protocol/tunnel/clock.ts';
import { resetSocket, SocketEndpoint } from '../../protocol/tunnel/socket.ts';
import { apiServerListenAddress, type TargetAddress } from '../../protocol/tunnel/targets.ts';
import type { Host } from '../host/host.ts';
import { KubeletPlaces } from './kubelet-places.ts';
import type { Tunnel } from './tunnel.ts';

export interface ApiServerListenerOptions {
  readonly host: { readonly network: Pick<Host['network'], 'ownerOf' | 'isKubelets'> };
  readonly tunnel: Pick<Tunnel, 'open'>;
  readonly nodeName: string;
  readonly audit: (record: StreamAudit) => void;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly address?: TargetAddress;
  readonly clock?: TunnelClock;
  /** Carried at a time. */
  readonly connectionsLimit?: number;
  /** How often whoever is root may have one. */
  readonly sharedPace?: BucketLimits;
  /** Looked at a time, before they are carried. */
  readonly unknownLimit?: number;
  /** Whose connections are carried. */
  readonly uid?: number;
}

const defaults = {
  address: apiServerListenAddress,
  clock: realClock,
  connectionsLimit: 64,
  /** Of them, for whoever is root. */
  sharedLimit: 32,
  // Half of what the gateway lets a node open in a minute.
  sharedPace: { burst: 200, perSecond: 5 },
  // As many as a busy host answers for in a second, of the fastest that anybody has connected.
  unknownLimit: 4096,
  uid: 0,
};
const toldOnceIn = { intervalMs: 60_000, remembered: 100 };
const retryMs = 2000;
/** The other end of what listens. */
const anybody = { address: '0.0.0.0', port: 0 };
/** Of the kernel, before they are accepted: one is in each turn of the loop. */
const backlog = 4096;

export class ApiServerListener {
  readonly #options: ApiServerListenerOptions & typeof defaults;
  readonly #repeats = new RepeatFilter(toldOnceIn);
  /** Accepted, and not yet known whose they are. */
  readonly #unknown = new Set<Socket>();
  readonly #places: KubeletPlaces;
  #server: Server | undefined;
  #retry: TunnelTimer | undefined;

  constructor(options: ApiServerListenerOptions) {
    this.#options = { ...defaults, ...options };
    const { host, clock, connectionsLimit: limit, sharedLimit: shared, sharedPace: pace } = this.#options;
    const isKubelets: Host['network']['isKubelets'] = (own, other) => host.network.isKubelets(own, other);
    this.#places = new KubeletPlaces({ limit, shared, pace, isKubelets, nowMs: () => clock.nowMs() });
    options.signal.addEventListener('abort', () => this.#close(), { once: true });
  }

  /** Resolves when it listens, or has failed to for the first time (then it keeps trying), or need not. */
  async setAccess(access: ApiServerAccess): Promise<void> {
    if (access === 'direct') this.#close();
    else if (!this.#server && !this.#options.signal.aborted) await this.#listen();
  }

  /** Takes no more; what is connected goes on until the kubelet has its other configuration. */
  #close(): void {
    this.#retry?.cancel();
    this.#server?.close();
    this.#server = undefined;
  }

  #listen(): Promise<void> {
    const { address, logger, clock } = this.#options;
    const server = net.createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true });
    this.#server = server;
    server.on('connection', (socket) => background('API server listener', this.#admit(socket)));
    return new Promise((settled) => {
      server.once('listening', () => {
        logger.info({ address }, 'the API server is reached through the tunnel');
        settled();
      });
      server.on('error', (error) => {
        background('API server listener', this.#tellFailure(error));
        this.#retry = clock.after(retryMs, () => background('API server listener', this.#listen()));
        settled();
      });
      server.listen({ ...address, backlog });
    });
  }

  /** With whoever holds its place: a program of another user's is no accident. */
  async #tellFailure(error: Error): Promise<void> {
    const { address, logger, host } = this.#options;
    const { network } = host;
    const own = { address: address.host, port: address.port };
    const everywhere = { ...anybody, port: own.port };
    const holder = (await network.ownerOf(own, anybody)) ?? (await network.ownerOf(everywhere, anybody));
    const detail = `${error.message}${holder === undefined ? '' : `; a process of uid ${holder} listens there`}`;
    const place = `${address.host}:${address.port}`;
    const fault = new Fault('API_SERVER_LISTENER_FAILED', { address: place, detail });
    logger.error({ code: fault.code }, fault.message);
  }

  /** Whose it is, before a byte of it is read. */
  async #admit(socket: Socket): Promise<void> {
    const { host, uid, unknownLimit } = this.#options;
    // Until it is joined with a stream, nobody else listens for its errors.
    socket.on('error', () => undefined);
    // By lot, so that whoever hurries can't keep the kubelet out for good.
    if (this.#unknown.size >= unknownLimit) this.#refuse(pick(this.#unknown), 'too many at once');
    this.#unknown.add(socket);
    socket.once('close', () => this.#unknown.delete(socket));
    const owner = await host.network.ownerOf(...endsOf(socket), () => !socket.destroyed);
    const place = owner === uid ? await this.#places.take(...endsOf(socket)) : { refused: whose(owner) };
    this.#unknown.delete(socket);
    if ('refused' in place) this.#refuse(socket, place.refused);
    else if (socket.destroyed) place.leave();
    else this.#carry(socket, place.leave);
  }

  #refuse(socket: Socket | undefined, why: string): void {
    if (socket === undefined) return;
    this.#unknown.delete(socket);
    if (socket.destroyed) return;
    resetSocket(socket);
    const news = this.#repeats.news(why, this.#options.clock.nowMs());
    if (news) this.#options.logger.warn({ why, ...news }, 'a connection to the API server was refused');
  }

  /** Of those that were refused alike, the first in each minute. */
  #audit(record: StreamAudit): void {
    const isRepeated =
      record.outcome === 'refused' &&
      !this.#repeats.isNew(`refused ${record.code}`, this.#options.clock.nowMs());
    if (!isRepeated) this.#options.audit(record);
  }

  #carry(socket: Socket, leave: () => void): void {
    socket.once('close', leave);
    const target = {
      target: 'api-server',
      reason: `connection from ${socket.remoteAddress}:${socket.remotePort} on ${this.#options.nodeName}`,
    };
    const subject = { node: this.#options.nodeName, address: '', target };
    const audit = (record: StreamAudit) => this.#audit(record);
    const over = auditOnce(subject, 'opener', { audit, clock: this.#options.clock });
    const giveUp = this.#options.tunnel.open(target, new LocalEndpoint(socket, over));
    socket.once('close', giveUp);
  }
}

/** The other end of it, and this one. */
function endsOf({ remoteAddress = '', remotePort = 0, localAddress = '', localPort = 0 }: Socket) {
  return [
    { address: remoteAddress, port: remotePort },
    { address: localAddress, port: localPort },
  ] as const;
}

const whose = (owner: number | undefined) => (owner === undefined ? 'nobody’s' : `of uid ${owner}`);

function pick(sockets: ReadonlySet<Socket>): Socket | undefined {
  return [...sockets][Math.floor(Math.random() * sockets.size)];
}

/** A connection whose stream never opened is reset as well: the kubelet is not to wait for an answer. */
class LocalEndpoint extends SocketEndpoint {
  readonly #socket: Socket;

  constructor(socket: Socket, over: ConstructorParameters<typeof SocketEndpoint>[1]) {
    super(socket, over);
    this.#socket = socket;
  }

  override refused(fault: Fault): void {
    super.refused(fault);
    resetSocket(this.#socket);
  }

  override reset(fault: Fault): void {
    super.reset(fault);
    resetSocket(this.#socket);
  }
}
