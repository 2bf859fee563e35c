// TLS connections to kubelets, each inside a stream of the node's tunnel, wherever that ends, kept for
// the next scrape until the tunnel moves. The kubelet's serving certificate is checked against the
// cluster's CA and the node's name: what answers in a node's tunnel need not be its kubelet, and a
// replica on the way sees nothing but TLS.
import { once } from 'node:events';
import https from 'node:https';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { StreamTarget } from '../../protocol/messages/session.ts';
import { openDuplex } from '../../protocol/tunnel/opening.ts';
import type { StreamEndpoint } from '../../protocol/tunnel/stream.ts';

/** A way to a node: its session here, or the replica that holds its tunnel. */
interface KubeletWay {
  open(target: StreamTarget, endpoint: StreamEndpoint): () => void;
}

export interface KubeletConnectionsOptions {
  readonly wayTo: (node: string) => KubeletWay | undefined;
  /** PEM: who signs the kubelets' serving certificates. */
  readonly caPem: string;
  readonly connectTimeoutMs?: number;
  readonly idleMs?: number;
  readonly connectionsPerNode?: number;
}

const defaults = { connectTimeoutMs: 10_000, idleMs: 90_000, connectionsPerNode: 4 };
const reason = 'prometheus scrape';
/** For the kubelet to end its side of a connection that has ended here. */
const finishMs = 2_000;

/** `host` of a request is the node's name. */
export class KubeletConnections extends https.Agent {
  readonly #options: KubeletConnectionsOptions & typeof defaults;
  /** Open connections by node. */
  readonly #open = new Map<string, Set<Duplex>>();
  /** Through a tunnel that has moved since: they end with the scrape that they carry. */
  readonly #leaving = new WeakSet<Duplex>();

  constructor(given: KubeletConnectionsOptions) {
    const options = { ...defaults, ...given };
    super({
      keepAlive: true,
      maxSockets: options.connectionsPerNode,
      maxFreeSockets: 2,
      timeout: options.idleMs,
      scheduling: 'lifo',
    });
    this.#options = options;
  }

  /**
   * The node's tunnel ends somewhere else now: nothing new goes the old way, and what is
   * idle does not hold that up.
   */
  moved(node: string): void {
    const idle = this.#idle();
    for (const socket of this.#open.get(node) ?? []) {
      if (idle.has(socket)) finish(socket);
      else this.#leaving.add(socket);
    }
  }

  /** All of them, those that are idle in order. */
  async close(): Promise<void> {
    const idle = this.#idle();
    const ended = [...idle].map((socket) => once(socket, 'close'));
    for (const socket of idle) finish(socket);
    await Promise.all(ended).catch(() => {});
    this.destroy();
  }

  override keepSocketAlive(socket: Duplex): boolean {
    if (socket.destroyed) return false;
    // Node would cut what is not kept. It is idle in a moment, and then ends in order.
    if (this.#leaving.has(socket)) queueMicrotask(() => finish(socket));
    // The type hides what Node's own answers: whether the peer lets it live.
    const kept: unknown = super.keepSocketAlive(socket);
    return kept !== false;
  }

  #idle(): ReadonlySet<Duplex> {
    return new Set<Duplex>(Object.values(this.freeSockets).flatMap((sockets) => sockets ?? []));
  }

  override createConnection(
    { host }: https.RequestOptions,
    connected?: (error: Error | null, stream: Duplex) => void,
  ): null {
    this.#connect(host ?? '').then(
      (socket) => connected?.(null, socket),
      // The type wants a stream where an error says that there is none.
      (error: Error) => connected?.(error, undefined as never),
    );
    return null;
  }

  async #connect(node: string): Promise<tls.TLSSocket> {
    const { wayTo, caPem, connectTimeoutMs } = this.#options;
    const signal = AbortSignal.timeout(connectTimeoutMs);
    const way = wayTo(node);
    if (way === undefined) throw new Fault('TUNNEL_NODE_NOT_CONNECTED', { node });
    const openIn = (target: StreamTarget, endpoint: StreamEndpoint) => way.open(target, endpoint);
    const stream = await openDuplex(openIn, { target: 'kubelet', reason }, signal);
    const socket = tls.connect({ socket: stream, ca: caPem, servername: node });
    const expire = () => socket.destroy(new Error(`no TLS within ${connectTimeoutMs} ms`));
    signal.addEventListener('abort', expire, { once: true });
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once('secureConnect', resolve);
        socket.once('error', reject);
        socket.once('close', () => reject(new Error('the kubelet closed the connection')));
      });
    } catch (error) {
      stream.destroy();
      throw error;
    } finally {
      signal.removeEventListener('abort', expire);
    }
    socket.on('error', () => undefined);
    const open = this.#open.get(node) ?? new Set();
    this.#open.set(node, open.add(socket));
    socket.once('close', () => {
      stream.destroy();
      open.delete(socket);
      if (open.size === 0 && this.#open.get(node) === open) this.#open.delete(node);
    });
    return socket;
  }
}

/** Nobody uses it any more, and it ends as a connection should: its stream is completed and not reset. */
function finish(socket: Duplex): void {
  const timer = setTimeout(() => socket.destroy(), finishMs);
  socket.once('close', () => clearTimeout(timer));
  socket.resume();
  socket.end();
  // Only one that can't be written to any more is taken out of those that are free.
  socket.emit('agentRemove');
}
