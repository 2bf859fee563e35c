// Connections to the gateway for HTTPS calls: straight, or by CONNECT through the proxy that HTTPS_PROXY
// names, exactly as the tunnel goes.
import { Agent, type AgentOptions } from 'node:https';
import { connect, isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { connectThroughProxy, type Proxy as WebProxy } from '../config/proxy.ts';

const connectTimeoutMs = 10_000;

export function httpsAgent(options: AgentOptions, proxy: WebProxy | undefined): Agent {
  const all = { keepAlive: true, maxSockets: 4, timeout: connectTimeoutMs, ...options };
  return proxy === undefined ? new Agent(all) : new ProxiedAgent(all, proxy);
}

type Created = (error: Error | null, socket: Duplex) => void;

class ProxiedAgent extends Agent {
  readonly #proxy: WebProxy;

  constructor(options: AgentOptions, proxy: WebProxy) {
    super(options);
    this.#proxy = proxy;
  }

  override createConnection(options: AgentOptions & { host?: string }, created: Created): undefined {
    this.#dial(options).then(
      (socket) => created(null, socket),
      (error: Error) => created(error, undefined as never),
    );
  }

  async #dial(options: AgentOptions & { host?: string; port?: number | string }): Promise<Duplex> {
    const { host = '', port = 443 } = options;
    const tcp = connect({ host: this.#proxy.host, port: this.#proxy.port, noDelay: true });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    tcp.setTimeout(connectTimeoutMs, () =>
      tcp.destroy(new Error(`the proxy ${this.#proxy.host}:${this.#proxy.port} does not answer`)),
    );
    tcp.once('connect', resolve).once('error', reject);
    await promise;
    tcp.setTimeout(0).off('error', reject);
    const target = { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
    await connectThroughProxy(tcp, this.#proxy, target, connectTimeoutMs);
    return connectTls({ ...options, socket: tcp, servername: isIP(target.host) ? '' : target.host });
  }
}
