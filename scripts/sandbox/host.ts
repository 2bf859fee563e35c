// One host of a sandbox, as a test or a person handles it: run commands in it, cut, restore and shape its
// cable, freeze and kill what runs in it, read its logs, reboot and remove it.
import { copyFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type CommandResult, type LineListener, run } from '../machine/command.ts';
import { boot, type HostFolders, runningInit } from './boot.ts';
import { createCgroupInside, removeCgroups, setFrozen } from './cgroups.ts';
import { setLink } from './line.ts';
import type { HostIdentity, HostState } from './registry.ts';
import { type LineShape, shapeLine } from './shape.ts';
import { endProcesses } from './teardown.ts';
import { defectLines, shortened, type Witness } from './testimony.ts';
import { waitFor } from './wait.ts';

export interface HostRunOptions {
  readonly timeoutMs?: number;
  readonly input?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  readonly onLine?: LineListener;
}

/** The way into all namespaces of a host. */
export function enterHost(init: number): string[] {
  const namespaces = ['--mount', '--uts', '--ipc', '--net', '--pid', '--cgroup'];
  return ['nsenter', `--target=${init}`, ...namespaces, '--root', '--wd', '--'];
}

export class SandboxHost implements Witness {
  readonly name: string;
  readonly address: string;
  readonly identity: HostIdentity;
  readonly folders: HostFolders;
  readonly #sandboxId: string;
  readonly #state: HostState;
  readonly #onRemove: () => Promise<void>;

  constructor(sandboxId: string, state: HostState, folders: HostFolders, onRemove: () => Promise<void>) {
    this.name = state.name;
    this.address = state.address;
    this.identity = state.identity;
    this.folders = folders;
    this.#sandboxId = sandboxId;
    this.#state = state;
    this.#onRemove = onRemove;
  }

  /** A path of the host as the machine sees it, for reading and placing files while it runs or not. */
  path(inside: string): string {
    return join(this.folders.root, inside);
  }

  /**
   * Runs a command in the host, in all of its namespaces and below its cgroup; never throws for a command
   * that fails. A script goes in by standard input: run('bash', ['-s'], { input }).
   */
  async run(
    command: string,
    args: readonly string[] = [],
    options: HostRunOptions = {},
  ): Promise<CommandResult> {
    const init = await this.initPid();
    const files = await createCgroupInside(init, 'sandbox-run');
    const timeoutMs = options.timeoutMs ?? 60_000;
    const environment = {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      HOME: '/root',
      LANG: 'C.UTF-8',
      ...options.environment,
    };
    // The time limit is inside, so that what is ended is the command and not the entrance to it.
    const inside = [...enterHost(init), 'timeout', '--kill-after=5', String(timeoutMs / 1000)];
    const script = [...files.map((file) => `echo $$ > ${file}`), 'exec "$@"'].join(' && ');
    return run('sh', ['-c', script, 'sh', ...inside, command, ...args], {
      allowFailure: true,
      timeoutMs: timeoutMs + 10_000,
      // Never by argument: what is in the environment may be a secret, and everybody may read a command line.
      environment,
      cleanEnvironment: true,
      ...(options.input === undefined ? {} : { input: options.input }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      ...(options.onLine === undefined ? {} : { onLine: options.onLine }),
    });
  }

  /** pid 1 of the host, as the machine numbers it. */
  async initPid(): Promise<number> {
    const init = await runningInit(this.folders).catch(() => undefined);
    if (init === undefined) throw new Error(`host ${this.name} is not running`);
    return init;
  }

  cutLink(): Promise<void> {
    return setLink(this.#sandboxId, this.#state, 'down');
  }

  restoreLink(): Promise<void> {
    return setLink(this.#sandboxId, this.#state, 'up');
  }

  /** Makes the line slow, lossy or narrow; without a shape it is good again. */
  shapeLink(shape?: LineShape): Promise<void> {
    return shapeLine(this.#sandboxId, this.#state, shape);
  }

  /** Sends a signal to every process of a unit, or to one pid (as the host numbers it). */
  async kill(unitOrPid: string | number, signal = 'SIGKILL'): Promise<void> {
    const command =
      typeof unitOrPid === 'number'
        ? this.run('kill', ['-s', signal.replace(/^SIG/, ''), '--', String(unitOrPid)])
        : this.run('systemctl', ['kill', `--signal=${signal}`, unitOrPid]);
    const result = await command;
    if (result.exitCode !== 0) throw new Error(`kill ${unitOrPid} on ${this.name}: ${result.stderr}`);
  }

  /** Stops a unit, a pid, or with no argument the whole host in its tracks. */
  freeze(unitOrPid?: string | number): Promise<void> {
    if (unitOrPid === undefined) return setFrozen(this.#sandboxId, this.name, true);
    return this.kill(unitOrPid, 'SIGSTOP');
  }

  thaw(unitOrPid?: string | number): Promise<void> {
    if (unitOrPid === undefined) return setFrozen(this.#sandboxId, this.name, false);
    return this.kill(unitOrPid, 'SIGCONT');
  }

  /** The journal of a unit, or of the whole host. */
  async logs(unit?: string): Promise<string> {
    const only = unit === undefined ? [] : [`--unit=${unit}`];
    const args = ['--no-pager', '--output=short-iso', ...only];
    return (await this.run('journalctl', args)).stdout;
  }

  async testify(): Promise<string> {
    const { stdout } = await this.run('systemctl', ['is-active', 'regnode']);
    const log = await this.run('journalctl', ['--no-pager', '--output=cat', '--unit=regnode', '--lines=12']);
    return `${this.name}: regnode.service is ${stdout.trim()}; its log ends:\n${shortened(log.stdout)}`;
  }

  async defects(): Promise<readonly string[]> {
    const { stdout } = await this.run('journalctl', ['--no-pager', '--output=cat', '--unit=regnode']);
    return defectLines(stdout);
  }

  /** Copies a file of the machine into the host. */
  async copyIn(from: string, to: string): Promise<void> {
    await copyFile(from, this.path(to));
  }

  /** Loads a docker-archive tar into the host's containerd, by the ctr that regnode installed or `ctr`. */
  async importImage(tar: string, ctr = 'ctr'): Promise<void> {
    const inside = `/var/tmp/${basename(tar)}`;
    await this.copyIn(tar, inside);
    try {
      const result = await this.run(ctr, ['--namespace=k8s.io', 'images', 'import', inside], {
        timeoutMs: 120_000,
      });
      if (result.exitCode !== 0) throw new Error(`importing ${tar} on ${this.name}: ${result.stderr}`);
    } finally {
      await rm(this.path(inside), { force: true });
    }
  }

  /** As pulling the plug and booting again: what was not on the disk is lost. */
  async reboot(): Promise<void> {
    await this.powerOff();
    await this.powerOn();
  }

  async powerOff(): Promise<void> {
    await endProcesses(this.#sandboxId, this.name);
    await waitFor(`${this.name} to be off`, () => removeCgroups(this.#sandboxId, this.name), {
      timeoutMs: 30_000,
    });
  }

  async powerOn(): Promise<void> {
    await boot(this.#sandboxId, this.#state, this.folders);
  }

  remove(): Promise<void> {
    return this.#onRemove();
  }
}
