// The kubelet's way to the API server when the private line has none: a listener on loopback, each connection a stream
// to the gateway, which dials the API server and nothing else. The bytes are the kubelet's own TLS, of which the
// agent sees nothing. A connection that can't be carried is reset at once, and the kubelet tries again.

import net, { type Server, type Socket } from 'node:net';
import type { Logger } from 'pino';
import { background } from '../../protocol/defect.ts';
import type { ApiServerAccess } from '../../protocol/desired.ts';
import { Fault } from '../../protocol/fault.ts';
import { auditOnce, type StreamAudit } from '../../protocol/tunnel/audit.ts';
import { realClock, type TunnelClock, type TunnelTimer } from '../../protocol/tunnel/clock.ts';
import { resetSocket, SocketEndpoint } from '../../protocol/tunnel/socket.ts';
import { apiServerListenAddress, type TargetAddress } from '../../protocol/tunnel/targets.ts';
import type { Tunnel } from './tunnel.ts';

export interface ApiServerListenerOptions {
  readonly tunnel: Pick<Tunnel, 'open'>;
  readonly nodeName: string;
  readonly audit: (record: StreamAudit) => void;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly address?: TargetAddress;
  readonly clock?: TunnelClock;
  readonly connectionsLimit?: number;
}

const defaults = { address: apiServerListenAddress, clock: realClock, connectionsLimit: 64 };
const retryMs = 2000;

export class ApiServerListener {
  readonly #options: ApiServerListenerOptions & typeof defaults;
  #server: Server | undefined;
  #retry: TunnelTimer | undefined;

  constructor(options: ApiServerListenerOptions) {
    this.#options = { ...defaults, ...options };
    options.signal.addEventListener('abort', () => this.#close(), { once: true });
  }

  /** Resolves when it listens, or has failed to for the first time (then it keeps trying), or need not. */
  async wish(access: ApiServerAccess): Promise<void> {
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
    const { address, connectionsLimit, logger, clock } = this.#options;
    const server = net.createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true });
    this.#server = server;
    server.maxConnections = connectionsLimit;
    server.on('connection', (socket) => this.#carry(socket));
    server.on('drop', () => logger.warn({ connectionsLimit }, 'too many connections to the API server'));
    return new Promise((settled) => {
      server.once('listening', () => {
        logger.info({ address }, 'the API server is reached through the tunnel');
        settled();
      });
      server.on('error', (error) => {
        const place = `${address.host}:${address.port}`;
        const fault = new Fault('API_SERVER_LISTENER_FAILED', { address: place, detail: error.message });
        logger.error({ code: fault.code }, fault.message);
        this.#retry = clock.after(retryMs, () => background('API server listener', this.#listen()));
        settled();
      });
      server.listen({ ...address });
    });
  }

  #carry(socket: Socket): void {
    // Until it is joined with a stream, nobody else listens for its errors.
    socket.on('error', () => undefined);
    const target = {
      target: 'api-server',
      reason: `connection from ${socket.remoteAddress}:${socket.remotePort} on ${this.#options.nodeName}`,
    };
    const subject = { node: this.#options.nodeName, address: '', target };
    const over = auditOnce(subject, 'opener', this.#options);
    const giveUp = this.#options.tunnel.open(target, new LocalEndpoint(socket, over));
    socket.once('close', giveUp);
  }
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
