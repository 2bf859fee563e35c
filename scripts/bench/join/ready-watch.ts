// When each node was Ready for the first time, by one watch on the API server: the same eyes for a join and
// for its floor, and no process that starts anew while something is measured.
import { join } from 'node:path';
import type { Sandbox } from '../../sandbox/sandbox.ts';
import { waitFor } from '../../sandbox/wait.ts';

const longestMs = 60 * 60_000;
const condition = '{.status.conditions[?(@.type=="Ready")].status}';

export class ReadyWatch {
  readonly #readyAtMs = new Map<string, number>();
  readonly #stopped = new AbortController();
  readonly #watching: Promise<unknown>;

  constructor({ cloud }: Sandbox) {
    const args = [
      `--kubeconfig=${cloud.adminKubeconfig}`,
      ...['get', 'nodes', '--watch', '-o', `jsonpath={.metadata.name} ${condition}{"\\n"}`],
    ];
    this.#watching = cloud.run(join(cloud.kubernetes, 'kubectl'), args, {
      timeoutMs: longestMs,
      signal: this.#stopped.signal,
      environment: { HOME: cloud.files.folder },
      onLine: (line) => this.#hear(line),
    });
    this.#watching.catch(() => undefined); // ended by stop(), or found out by readyAt
  }

  /** By performance.now(). */
  readyAt(node: string, timeoutMs: number): Promise<number> {
    return waitFor(`${node} to be Ready`, () => this.#readyAtMs.get(node), { timeoutMs, intervalMs: 20 });
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#watching.catch(() => undefined);
  }

  #hear(line: string): void {
    const [node = '', status] = line.split(' ');
    if (status === 'True' && !this.#readyAtMs.has(node)) this.#readyAtMs.set(node, performance.now());
  }
}
