// One gateway process in the cloud's namespace: its arguments, its log, its pid, and how it is started,
// stopped, killed and frozen. What it was started with is written down, so that a sandbox that was
// opened again can stop it too.
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { CommandResult } from '../machine/command.ts';
import { lastLines } from './control-plane.ts';
import { spend } from './ledger.ts';
import { cloudMember } from './line.ts';
import { runInNamespace, startDaemon } from './namespaces.ts';
import { gatewayProgram } from './programs.ts';
import { startTicks } from './registry.ts';
import { defectLines, hear, shortened, type Witness } from './testimony.ts';
import { waitFor } from './wait.ts';

/** A start costs half where what was compiled before is found again. */
const { NODE_COMPILE_CACHE } = process.env;
const compiled: Readonly<Record<string, string>> =
  NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE };
const checkout = resolve(import.meta.dirname, '../..');

interface Running {
  readonly pid: number;
  readonly startTicks: string;
  /** The arguments beyond the usual ones. */
  readonly more: readonly string[];
}

export interface GatewayProcessOptions {
  /** Of the sandbox. */
  readonly id: string;
  readonly folder: string;
  readonly logs: string;
  /** Names its files: `gateway`, `gateway-2`. */
  readonly file: string;
  readonly metricsAddress: string;
  readonly usualArguments: readonly string[];
}

export class GatewayProcess implements Witness {
  readonly log: string;
  /** Where /metrics, /nodes and /healthz answer, inside the cloud's namespace. */
  readonly statusUrl: string;
  readonly #options: GatewayProcessOptions;
  readonly #runningFile: string;

  constructor(options: GatewayProcessOptions) {
    this.#options = options;
    this.log = join(options.logs, `${options.file}.log`);
    this.statusUrl = `http://${options.metricsAddress}`;
    this.#runningFile = join(options.folder, `${options.file}.json`);
  }

  /** Starts it and waits until it answers. `more` is added to the usual arguments. */
  start(more: readonly string[] = [], environment: Readonly<Record<string, string>> = {}): Promise<void> {
    return spend('gateway', () => this.#start(more, environment));
  }

  async #start(more: readonly string[], environment: Readonly<Record<string, string>>): Promise<void> {
    const { id, usualArguments } = this.#options;
    const args = [await gatewayProgram('gateway'), 'serve', ...usualArguments, ...more];
    const pid = await startDaemon(id, cloudMember, process.execPath, args, {
      logFile: this.log,
      cwd: checkout,
      environment: { ...compiled, ...environment },
    });
    const running: Running = { pid, startTicks: (await startTicks(pid)) ?? '', more };
    await writeFile(this.#runningFile, JSON.stringify(running));
    hear(`${id} ${this.#options.file}`, this);
    await waitFor(`the ${this.#options.file}`, () => this.#answers(), {
      timeoutMs: 180_000,
      intervalMs: 200,
      detail: () => lastLines(this.log),
    });
  }

  /** Ends it as systemd would, and waits. */
  stop(): Promise<void> {
    return this.#end('SIGTERM');
  }

  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  async restart(): Promise<void> {
    const { more } = await this.#running();
    await this.stop();
    await this.start(more);
  }

  /** Sends a signal and does not wait. */
  async signal(signal: NodeJS.Signals): Promise<void> {
    process.kill((await this.#running()).pid, signal);
  }

  async isRunning(): Promise<boolean> {
    return this.#answers().catch(() => false);
  }

  async hasEnded(): Promise<boolean> {
    return this.#running().then(
      () => false,
      () => true,
    );
  }

  logs(): Promise<string> {
    return readFile(this.log, 'utf8');
  }

  async testify(): Promise<string> {
    const [ended, answers] = await Promise.all([this.hasEnded(), this.isRunning()]);
    const state = ended
      ? 'its process is gone'
      : `its process lives and ${answers ? 'answers' : 'does not answer'}`;
    return `${this.#options.file}: ${state}; its log ends:\n${shortened(await this.logs())}`;
  }

  async defects(): Promise<readonly string[]> {
    return defectLines(await this.logs());
  }

  tail(): Promise<string> {
    return lastLines(this.log);
  }

  /** JSON of its status port. */
  async ask(path: string): Promise<unknown> {
    const { stdout, exitCode } = await this.#curl(path);
    return exitCode === 0 ? JSON.parse(stdout) : undefined;
  }

  /** Text of its status port; undefined when it refuses. */
  async page(path: string): Promise<string | undefined> {
    const { stdout, exitCode } = await this.#curl(path);
    return exitCode === 0 ? stdout : undefined;
  }

  /** A number on its metrics page; `name` with labels as they stand there. */
  async metric(name: string): Promise<number | undefined> {
    const { stdout } = await this.#curl('/metrics');
    const line = stdout.split('\n').find((text) => text.startsWith(`${name} `));
    return line === undefined ? undefined : Number(line.slice(name.length + 1));
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const { pid, startTicks: ticks } = await this.#running();
    process.kill(pid, signal);
    const ended = async () => (await startTicks(pid)) !== ticks;
    await waitFor('the gateway to end', ended, { timeoutMs: 60_000, intervalMs: 50 });
  }

  async #running(): Promise<Running> {
    const written = await readFile(this.#runningFile, 'utf8').catch(() => undefined);
    const gateway = written === undefined ? undefined : (JSON.parse(written) as Running);
    if (gateway === undefined || (await startTicks(gateway.pid)) !== gateway.startTicks) {
      throw new Error(
        `the gateway is not running:\n${await lastLines(this.log).catch(() => 'never started')}`,
      );
    }
    return gateway;
  }

  async #answers(): Promise<boolean> {
    await this.#running();
    return (await this.#curl('/readyz')).exitCode === 0;
  }

  #curl(path: string): Promise<CommandResult> {
    const options = { timeoutMs: 10_000, allowFailure: true };
    const args = ['-sf', '--max-time', '5', `${this.statusUrl}${path}`];
    return runInNamespace(this.#options.id, cloudMember, 'curl', args, options);
  }
}
