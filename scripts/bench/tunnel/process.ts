// Child processes of the benchmark: our own roles by IPC, and foreign programs by their pid. Everything
// started here is ended by `stopAll`, by its handle and never by name.
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import type { Order } from './role.ts';

export interface Usage {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
}

const children = new Set<ChildProcess>();
const ticksPerSecond = 100;

/** A process that obeys orders: `program` says which, `nodeFlags` how Node.js runs it. */
export class Role<AnOrder = Order> {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<
    number,
    { resolve: (value: unknown) => void; reject: (error: Error) => void }
  >();
  #requests = 0;

  constructor(
    options: { profileFolder?: string | undefined; program?: URL; nodeFlags?: readonly string[] } = {},
  ) {
    const profile = options.profileFolder ? ['--cpu-prof', `--cpu-prof-dir=${options.profileFolder}`] : [];
    this.#child = fork(options.program ?? new URL('./role.ts', import.meta.url), {
      execArgv: [...profile, ...(options.nodeFlags ?? [])],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    children.add(this.#child);
    this.#child.on('message', ({ id, result, error }: { id: number; result: unknown; error?: string }) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error) waiting?.reject(new Error(error));
      else waiting?.resolve(result);
    });
    this.#child.on('exit', (code) => {
      children.delete(this.#child);
      for (const { reject } of this.#waiting.values()) reject(new Error(`a role ended with ${code}`));
    });
  }

  async ask<T = void>(order: AnOrder): Promise<T> {
    const id = this.#requests++;
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#child.send({ id, order });
    });
  }

  /** The process stands still, and goes on. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(signal);
  }

  usage(): Promise<Usage> {
    return this.ask<Usage>({ kind: 'usage' } as AnOrder);
  }
}

/** A foreign program in the foreground; its output only matters when it fails. */
export function startProgram(
  command: string,
  args: readonly string[],
  options: { uid?: number; gid?: number; environment?: Record<string, string> } = {},
): ChildProcess {
  const child = spawn(command, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.gid }),
    env: { ...process.env, ...options.environment },
  });
  let complaints = '';
  child.stderr?.on('data', (chunk) => {
    complaints = (complaints + chunk.toString()).slice(-2000);
  });
  child.on('exit', (code, signal) => {
    children.delete(child);
    if (code) process.stderr.write(`${command} ended with ${code ?? signal}: ${complaints}\n`);
  });
  children.add(child);
  return child;
}

/** CPU of foreign processes, their present children included. */
export async function usageOf(pids: readonly number[]): Promise<Usage> {
  let cpuSeconds = 0;
  let residentBytes = 0;
  for (const pid of await withChildren(pids)) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    cpuSeconds += (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / ticksPerSecond;
    residentBytes += Number(fields[21] ?? 0) * 4096;
  }
  return { cpuSeconds, residentBytes };
}

async function withChildren(pids: readonly number[]): Promise<number[]> {
  const found = [...pids];
  for (let index = 0; index < found.length; index += 1) {
    const pid = found[index];
    const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
    found.push(...text.trim().split(' ').filter(Boolean).map(Number));
  }
  return found;
}

export async function stopAll(): Promise<void> {
  await Promise.all(
    [...children].map((child) => {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      // Roles end by themselves when the channel closes, so that a profile is written.
      if (child.connected) child.disconnect();
      else child.kill('SIGTERM');
      return gone;
    }),
  );
}
