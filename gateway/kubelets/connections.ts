// TLS connections to kubelets, each inside a stream of the node's tunnel, kept for the next scrape. The kubelet's serving certificate is
// checked against the cluster's CA and the node's name: what answers in a node's tunnel need not be its kubelet.
import https from 'node:https';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import { Fault } from '../../protocol/fault.ts';
import type { StreamTarget } from '../../protocol/session.ts';

export interface KubeletConnectionsOptions {
  /** The session of a node's tunnel. */
  readonly session: (
    node: string,
  ) => { openStream(target: StreamTarget, signal?: AbortSignal): Promise<Duplex> } | undefined;
  /** PEM: who signs the kubelets' serving certificates. */
  readonly caPem: string;
  readonly connectTimeoutMs?: number;
  readonly idleMs?: number;
  readonly connectionsPerNode?: number;
}

const defaults = { connectTimeoutMs: 10_000, idleMs: 90_000, connectionsPerNode: 4 };
const reason = 'prometheus scrape';

/** `host` of a request is the node's name. */
export class KubeletConnections extends https.Agent {
  readonly #options: KubeletConnectionsOptions & typeof defaults;

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
    const { session, caPem, connectTimeoutMs } = this.#options;
    const signal = AbortSignal.timeout(connectTimeoutMs);
    const tunnel = session(node);
    if (tunnel === undefined) throw new Fault('TUNNEL_NODE_NOT_CONNECTED', { node });
    const stream = await tunnel.openStream({ target: 'kubelet', reason }, signal);
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
    socket.once('close', () => stream.destroy());
    return socket;
  }
}
