// A kubectl that is still running while a test talks to it: follow, interactive shells, port-forward.
// `terminal` gives it a terminal of its own, so that `-it` is what a person gets.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Sandbox } from '../../scripts/sandbox/sandbox.ts';
import { waitFor } from '../../scripts/sandbox/wait.ts';

export interface Arrival {
  readonly line: string;
  readonly atMs: number;
}

export class LiveKubectl {
  readonly arrivals: Arrival[] = [];
  /** All that it printed, both streams. */
  text = '';
  exitCode: number | null | undefined;
  readonly #child: ChildProcessWithoutNullStreams;

  constructor(sandbox: Sandbox, args: readonly string[], { terminal = false } = {}) {
    const { cloud } = sandbox;
    const kubectl = [join(cloud.kubernetes, 'kubectl'), `--kubeconfig=${cloud.adminKubeconfig}`, ...args];
    const command = terminal
      ? ['script', '-qec', `stty rows 31 cols 97; exec ${kubectl.map(quote).join(' ')}`, '/dev/null']
      : kubectl;
    this.#child = spawn('nsenter', [`--net=/run/netns/${cloud.namespace}`, '--', ...command], {
      env: { ...process.env, HOME: cloud.files.folder, TERM: 'xterm' },
    });
    let open = '';
    const read = (chunk: string) => {
      this.text += chunk;
      const lines = (open + chunk).split('\n');
      open = lines.pop() ?? '';
      this.arrivals.push(...lines.map((line) => ({ line, atMs: performance.now() })));
    };
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream.setEncoding('utf8').on('data', read);
    this.#child.stdin.on('error', () => undefined); // it may have ended already: then its exit code says so
    this.#child.on('close', (code) => {
      this.exitCode = code;
    });
  }

  type(text: string): void {
    this.#child.stdin.write(text);
  }

  endInput(): void {
    this.#child.stdin.end();
  }

  prints(pattern: RegExp, timeoutMs = 20_000): Promise<RegExpExecArray> {
    const detail = () => `it printed:\n${this.text}`;
    return waitFor(`${pattern} from kubectl`, () => pattern.exec(this.text) ?? undefined, {
      timeoutMs,
      intervalMs: 20,
      detail,
    });
  }

  /** Its exit code, once it has ended by itself. */
  async ends(timeoutMs = 20_000): Promise<number | null> {
    const code = () => (this.exitCode === undefined ? undefined : { code: this.exitCode });
    return (await waitFor('kubectl to end', code, { timeoutMs, intervalMs: 20, detail: () => this.text }))
      .code;
  }

  async stop(): Promise<void> {
    if (this.exitCode !== undefined) return;
    const closed = once(this.#child, 'close');
    this.#child.kill('SIGTERM');
    await closed;
  }
}

function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
