// The gateway of a sandbox as an operator sees it, and as the API server uses it: metrics, nodes, log with
// the audit in it, and CONNECT on its socket.
import net from 'node:net';
import type { Sandbox } from '../../../scripts/sandbox/sandbox.ts';

export interface ShownHeartbeat {
  readonly sentAtMs: number;
  readonly load1: number;
}

export type Line = Readonly<Record<string, unknown>>;

export class GatewayView {
  readonly #sandbox: Sandbox;

  constructor(sandbox: Sandbox) {
    this.#sandbox = sandbox;
  }

  /** The sum over all labels that are left open; `labels` as they stand on the page. */
  async metric(name: string, labels = ''): Promise<number> {
    const page = await this.#ask('/metrics');
    const lines = page.split('\n').filter((line) => line.startsWith(`regnode_gateway_${name}`));
    const found = lines.filter((line) => /^\S+/.exec(line)?.[0].includes(labels));
    return found.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }

  /** The latest of each node. */
  async heartbeats(): Promise<Map<string, ShownHeartbeat | undefined>> {
    const { nodes } = JSON.parse(await this.#ask('/nodes')) as {
      nodes: { name: string; latest: { heartbeat: ShownHeartbeat | null } | null }[];
    };
    return new Map(nodes.map(({ name, latest }) => [name, latest?.heartbeat ?? undefined]));
  }

  /** All that it has logged and audited. */
  async lines(): Promise<Line[]> {
    const text = await this.#sandbox.cloud.gatewayLogs();
    // The last line may still be in the making; what libraries print is no JSON.
    return text
      .split('\n')
      .slice(0, -1)
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Line);
  }

  async audited(event: string): Promise<Line[]> {
    return (await this.lines()).filter((line) => line.event === event);
  }

  /** What has become of a node's sessions, one after the other: a calm one is Open and nothing else. */
  async tunnelStates(node: string): Promise<unknown[]> {
    const lines = await this.lines();
    return lines
      .filter((line) => line.node === node && line.msg === 'tunnel state')
      .map(({ state }) => state);
  }

  /** What comes back for a CONNECT as the API server does it, with these bytes behind it. */
  throughTunnel(node: string, bytes: string): Promise<string> {
    return new Promise((resolve) => {
      let answer = '';
      const socket = this.#connect(`${node}:10250`);
      socket.on('close', () => resolve(answer));
      socket.on('end', () => socket.end());
      socket.setEncoding('utf8').on('data', (chunk: string) => {
        const before = answer;
        answer += chunk;
        if (!before.includes('\r\n\r\n') && answer.includes('\r\n\r\n')) socket.end(bytes);
      });
    });
  }

  /** The head of the answer to a CONNECT; what is behind it is left. */
  connectTo(target: string): Promise<string> {
    return new Promise((resolve) => {
      let answer = '';
      const socket = this.#connect(target);
      socket.on('close', () => resolve(answer));
      socket.setEncoding('utf8').on('data', (chunk: string) => {
        answer += chunk;
        if (answer.includes('\r\n\r\n')) socket.destroy();
      });
    });
  }

  /** A stream that is open and of which nobody reads; undefined: the gateway has none to give. */
  async unread(node: string): Promise<{ close(): void } | undefined> {
    const socket = this.#connect(`${node}:10250`);
    const first = await new Promise<string>((resolve) => {
      socket.once('close', () => resolve(''));
      socket.once('data', (chunk: Buffer) => {
        socket.pause();
        resolve(chunk.toString('latin1'));
      });
    });
    if (first.startsWith('HTTP/1.1 200')) return { close: () => socket.destroy() };
    socket.destroy();
    return undefined;
  }

  #connect(target: string): net.Socket {
    const socket = net.connect({ path: this.#sandbox.cloud.egressSocket, allowHalfOpen: true });
    socket.on('error', () => {});
    socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: x\r\n\r\n`);
    return socket;
  }

  async #ask(path: string): Promise<string> {
    const { cloud } = this.#sandbox;
    const result = await cloud.run('curl', ['-sf', '--max-time', '30', `${cloud.statusUrl}${path}`]);
    if (result.exitCode !== 0) throw new Error(`the gateway does not answer ${path}: ${result.exitCode}`);
    return result.stdout;
  }
}
