// Which hosts a sandbox has: written down, with a network namespace and a place on the line, and taken away
// again. Changes to what is written and to the line come one after the other, also when hosts are added side
// by side. Booting them is somebody else's.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../machine/command.ts';
import { hostFolders } from './boot.ts';
import { removeCgroups } from './cgroups.ts';
import { SandboxHost } from './host.ts';
import { cloudMember, connectHost, disconnectHost, hostAddress } from './line.ts';
import { createNamespace, namespaceName } from './namespaces.ts';
import { type HostIdentity, type HostState, type SandboxState, saveState } from './registry.ts';
import { endProcesses, unmountBelow } from './teardown.ts';
import { forget } from './testimony.ts';
import { waitFor } from './wait.ts';

export interface HostOptions {
  readonly name: string;
  readonly identity?: HostIdentity;
}

interface RegisteredHost {
  readonly host: HostState;
  readonly handle: SandboxHost;
  /** The folder of the template that it begins as a copy of. */
  readonly template: string | undefined;
}

export class SandboxHosts {
  readonly #template: string | undefined;
  readonly #hosts = new Map<string, SandboxHost>();
  #state: SandboxState;
  #turn: Promise<void> = Promise.resolve();

  constructor(state: SandboxState, template: string | undefined) {
    this.#state = state;
    this.#template = template;
    for (const host of state.hosts) this.#hosts.set(host.name, this.#handle(host));
  }

  get state(): SandboxState {
    return this.#state;
  }

  get all(): readonly SandboxHost[] {
    return [...this.#hosts.values()];
  }

  get(name: string): SandboxHost | undefined {
    return this.#hosts.get(name);
  }

  /** Writes the host down and connects it to the line. */
  async register(options: HostOptions): Promise<RegisteredHost> {
    const host = await this.#inTurn(() => this.#register(options));
    const handle = this.#handle(host);
    this.#hosts.set(host.name, handle);
    return { host, handle, template: this.#templateOf(host.name) };
  }

  /** The sandbox outlives the process that started it. */
  async disown(): Promise<void> {
    const { owner: _owner, ...ownerless } = this.#state;
    await this.#inTurn(() => this.#save(ownerless));
  }

  async #register(options: HostOptions): Promise<HostState> {
    const others = this.#state.hosts;
    if (!/^[a-z0-9]([-a-z0-9]{0,40}[a-z0-9])?$/.test(options.name) || options.name === cloudMember) {
      throw new Error(`${options.name} is no name for a host`);
    }
    if (others.some((host) => host.name === options.name)) {
      throw new Error(`sandbox ${this.#state.id} has a host ${options.name} already`);
    }
    const index = 1 + others.reduce((highest, host) => Math.max(highest, host.index), 0);
    const identity = options.identity ?? 'tencentos-3.1';
    const host: HostState = { name: options.name, index, address: hostAddress(index), identity };
    await this.#save({ ...this.#state, hosts: [...others, host] });
    await createNamespace(this.#state.id, host.name);
    await connectHost(this.#state.id, host, others);
    return host;
  }

  #templateOf(name: string): string | undefined {
    if (this.#template === undefined) return undefined;
    const place = join(this.#template, 'hosts', name);
    return existsSync(place) ? place : undefined;
  }

  #handle(host: HostState): SandboxHost {
    const folders = hostFolders(this.#state.dataFolder, host.name);
    return new SandboxHost(this.#state.id, host, folders, () => this.#remove(host));
  }

  async #remove(host: HostState): Promise<void> {
    const folders = hostFolders(this.#state.dataFolder, host.name);
    await endProcesses(this.#state.id, host.name);
    await waitFor(`${host.name} to be gone`, () => removeCgroups(this.#state.id, host.name), {
      timeoutMs: 30_000,
    });
    await unmountBelow(folders.root);
    await run('rm', ['-rf', '--one-file-system', folders.folder]);
    await this.#inTurn(async () => {
      const others = this.#state.hosts.filter((other) => other.name !== host.name);
      await disconnectHost(this.#state.id, host, others);
      await run('ip', ['netns', 'delete', namespaceName(this.#state.id, host.name)], { allowFailure: true });
      await this.#save({ ...this.#state, hosts: others });
    });
    this.#hosts.delete(host.name);
    forget(`${this.#state.id} host ${host.name}`);
  }

  async #save(state: SandboxState): Promise<void> {
    this.#state = state;
    await saveState(state);
  }

  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(action);
    this.#turn = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }
}
