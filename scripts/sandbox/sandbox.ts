// The sandbox: a cluster in the cloud and hosts in a data centre, on one machine, with nothing faked but the
// machines themselves. Used by scripts/quickstart, the e2e tests and the benchmarks alike.
//
//   const sandbox = await startSandbox({ name: 'join', progress });      // several at a time
//   const host = await sandbox.addHost({ name: 'idc-1', identity: 'tencentos-3.1' });   // side by side, too
//   await sandbox.cloud.kubectl(['get', 'nodes']);                        // a failure is a result, no error
//   await sandbox.cloud.run('curl', [url]);                               // in the cloud's network namespace
//   await sandbox.cloud.setUpGateway(); buildArtifactStore(agentTarball); signArtifacts();
//   startGateway(); regnodectl(['pool', …]);
//   stopGateway(); killGateway(); restartGateway(); freezeGateway(); thawGateway(); gatewayLogs();
//   await host.run('bash', ['-s'], { input: script, timeoutMs, environment, signal, onLine });
//   host.cutLink(); restoreLink(); shapeLink({ delayMs, jitterMs, lossPercent, rateMbit }); shapeLink();
//   host.freeze('kubelet'); thaw(); kill('regnode', 'SIGKILL'); reboot(); powerOff(); powerOn();
//   host.logs('kubelet');
//   host.path('/etc/hosts'); copyIn(from, to); importImage(tar);          // files, as the machine sees them
//   await sandbox.startKubeProxy(host);                                   // the cluster's own, after a join
//   await host.remove(); await sandbox.stop();
//
// From a bare sandbox to joined hosts: registration.ts. For people: `node scripts/sandbox/main.ts --help`.
//
// A sandbox belongs to the process that started it and ends with it, whatever way that ends, unless
// keep() was called; then openSandbox(name) finds it again and stop() ends it. What there is of it is
// named after its id, and teardown.ts needs nothing else. Environment: REGNODE_KUBERNETES_BIN,
// REGNODE_CONTAINERD_BIN, REGNODE_ETCD_BIN (folders with other versions), REGNODE_CACHE,
// REGNODE_SANDBOX_DATA (where the hosts' disks are).
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { kubernetesBinaries } from '../kubernetes/binaries.ts';
import { run } from '../machine/command.ts';
import { type Progress, silentProgress } from '../machine/progress.ts';
import { boot, disks, hostFolders, prepareRoot } from './boot.ts';
import { removeCgroups, setFrozen } from './cgroups.ts';
import { SandboxCloud } from './cloud.ts';
import { copyCloud, databaseFolder, startControlPlane, waitForControllers } from './control-plane.ts';
import { copyTree } from './copy.ts';
import { type Guard, startGuard } from './guard.ts';
import { SandboxHost } from './host.ts';
import { startKubeProxy } from './kube-proxy.ts';
import { account, closeAccount, spend } from './ledger.ts';
import { cloudMember, connectHost, createLine, disconnectHost, hostAddress } from './line.ts';
import { createNamespace, namespaceName } from './namespaces.ts';
import { ensureMachinePackages } from './packages.ts';
import {
  createState,
  type HostIdentity,
  type HostState,
  isCalled,
  listStates,
  ownCheckout,
  type SandboxState,
  saveState,
  withRegistryLock,
} from './registry.ts';
import { baseRoot } from './root.ts';
import { sandboxSoftware } from './software.ts';
import { prepareSysctls } from './sysctls.ts';
import { endProcesses, reapDead, takeDown, unmountBelow } from './teardown.ts';
import { forget, hear } from './testimony.ts';
import { waitFor } from './wait.ts';

export interface SandboxOptions {
  /** For people; need not be unique, and is this checkout's own. */
  readonly name?: string;
  readonly progress?: Progress;
  /** The folder of a template (template.ts) that it begins as a copy of. */
  readonly template?: string;
}

export interface HostOptions {
  readonly name: string;
  readonly identity?: HostIdentity;
}

export function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  return spend('cluster', () => start(options));
}

async function start(options: SandboxOptions): Promise<Sandbox> {
  const progress = options.progress ?? silentProgress;
  if (process.getuid?.() !== 0)
    throw new Error('a sandbox needs root: it makes namespaces, mounts and cgroups');
  await ensureMachinePackages(progress);
  await reapDead((id, name) => progress.line(`taking down sandbox ${id} (${name}), whose owner is gone`));
  const kubernetes = await kubernetesBinaries(progress);
  const software = await sandboxSoftware(progress);
  const state = await withRegistryLock(async () => {
    const created = await createState(options.name ?? 'sandbox');
    await prepareSysctls();
    return created;
  });
  const sandbox = new Sandbox(state, kubernetes, progress, startGuard(state.id), options.template);
  account(state.id);
  try {
    await mkdir(sandbox.cloud.files.folder, { recursive: true });
    await createNamespace(state.id, cloudMember);
    await createLine(state.id);
    const programs = { kubernetes, etcd: software.etcd };
    const template = options.template === undefined ? undefined : join(options.template, 'cloud');
    await startControlPlane(state.id, sandbox.cloud.files, programs, progress, template);
    return sandbox;
  } catch (error) {
    await sandbox.stop();
    throw error;
  }
}

/** A kept sandbox, by its id or by the name that it has in this checkout. */
export async function openSandbox(nameOrId: string, progress = silentProgress): Promise<Sandbox | undefined> {
  const checkout = await ownCheckout();
  const state = (await listStates()).find((one) => isCalled(one, nameOrId, checkout));
  if (state === undefined) return undefined;
  return new Sandbox(state, await kubernetesBinaries(progress), progress);
}

export class Sandbox {
  readonly cloud: SandboxCloud;
  readonly #progress: Progress;
  readonly #template: string | undefined;
  readonly #hosts = new Map<string, SandboxHost>();
  #guard: Guard | undefined;
  #state: SandboxState;
  /** Changes to the state and the line come one after the other, also when hosts are added side by side. */
  #turn: Promise<void> = Promise.resolve();

  constructor(state: SandboxState, kubernetes: string, progress: Progress, guard?: Guard, template?: string) {
    this.#state = state;
    this.#template = template;
    this.#progress = progress;
    this.#guard = guard;
    this.cloud = new SandboxCloud(state, kubernetes);
    for (const host of state.hosts) this.#hosts.set(host.name, this.#handle(host));
  }

  get id(): string {
    return this.#state.id;
  }

  get name(): string {
    return this.#state.name;
  }

  get dataFolder(): string {
    return this.#state.dataFolder;
  }

  get hosts(): readonly SandboxHost[] {
    return [...this.#hosts.values()];
  }

  host(name: string): SandboxHost {
    const found = this.#hosts.get(name);
    if (found === undefined) throw new Error(`no host ${name} in sandbox ${this.id}`);
    return found;
  }

  /**
   * Makes a host, connects it to the private line and boots it. One that the template has is the same again.
   */
  addHost(options: HostOptions): Promise<SandboxHost> {
    return spend('hosts', () => this.#addHost(options));
  }

  async #addHost(options: HostOptions): Promise<SandboxHost> {
    const base = await baseRoot(this.#progress);
    const host = await this.#inTurn(() => this.#register(options));
    const handle = this.#handle(host);
    this.#hosts.set(host.name, handle);
    hear(`${this.id} host ${host.name}`, handle);
    try {
      const folders = hostFolders(this.#state.dataFolder, host.name);
      const title = `booting host ${host.name} (${host.identity}, ${host.address})`;
      await this.#progress.step(title, async () => {
        await prepareRoot(folders, base, host, this.#templateOf(host.name));
        await boot(this.id, host, folders);
        // Nobody needs them before there is a host, so nobody waits for them earlier.
        await waitForControllers(this.id, this.cloud.files, this.cloud.kubernetes);
      });
      return handle;
    } catch (error) {
      await handle.remove();
      throw error;
    }
  }

  /**
   * Gives a joined host a kube-proxy, as the provider of a cluster with an external network would.
   */
  startKubeProxy(host: SandboxHost): Promise<void> {
    return startKubeProxy(host, this.cloud);
  }

  /**
   * What a template is made of: the cloud's files and database, and the disks of its hosts, which are off.
   */
  async copyTo(folder: string): Promise<void> {
    const { files } = this.cloud;
    const cloud = join(folder, 'cloud');
    // Nothing writes meanwhile, and what was written is seen: the database is as
    // after the loss of its process.
    await setFrozen(this.id, cloudMember, true);
    try {
      await copyTree(databaseFolder(files.folder), databaseFolder(cloud));
      await copyCloud(files.folder, cloud);
    } finally {
      await setFrozen(this.id, cloudMember, false);
    }
    for (const host of this.hosts) {
      for (const disk of disks) await copyTree(host.folders[disk], join(folder, 'hosts', host.name, disk));
    }
  }

  /** Lets the sandbox outlive this process; openSandbox finds it again. */
  async keep(): Promise<void> {
    const { owner: _owner, ...ownerless } = this.#state;
    await this.#inTurn(() => this.#save(ownerless));
    this.#guard?.dismiss();
    this.#guard = undefined;
  }

  /** Leaves nothing behind. */
  async stop(): Promise<void> {
    forget(`${this.id} `);
    await closeAccount(this.id, () => takeDown(this.id));
    this.#guard?.dismiss();
    this.#guard = undefined;
  }

  /** Writes the host down and connects it to the line. */
  async #register(options: HostOptions): Promise<HostState> {
    const others = this.#state.hosts;
    if (!/^[a-z0-9]([-a-z0-9]{0,40}[a-z0-9])?$/.test(options.name) || options.name === cloudMember) {
      throw new Error(`${options.name} is no name for a host`);
    }
    if (others.some((host) => host.name === options.name)) {
      throw new Error(`sandbox ${this.id} has a host ${options.name} already`);
    }
    const index = 1 + others.reduce((highest, host) => Math.max(highest, host.index), 0);
    const identity = options.identity ?? 'tencentos-3.1';
    const host: HostState = { name: options.name, index, address: hostAddress(index), identity };
    await this.#save({ ...this.#state, hosts: [...others, host] });
    await createNamespace(this.id, host.name);
    await connectHost(this.id, host, others);
    return host;
  }

  #templateOf(name: string): string | undefined {
    if (this.#template === undefined) return undefined;
    const place = join(this.#template, 'hosts', name);
    return existsSync(place) ? place : undefined;
  }

  #handle(host: HostState): SandboxHost {
    const folders = hostFolders(this.#state.dataFolder, host.name);
    return new SandboxHost(this.id, host, folders, () => this.#remove(host));
  }

  async #remove(host: HostState): Promise<void> {
    const folders = hostFolders(this.#state.dataFolder, host.name);
    await endProcesses(this.id, host.name);
    await waitFor(`${host.name} to be gone`, () => removeCgroups(this.id, host.name), { timeoutMs: 30_000 });
    await unmountBelow(folders.root);
    await run('rm', ['-rf', '--one-file-system', folders.folder]);
    await this.#inTurn(async () => {
      const others = this.#state.hosts.filter((other) => other.name !== host.name);
      await disconnectHost(this.id, host, others);
      await run('ip', ['netns', 'delete', namespaceName(this.id, host.name)], { allowFailure: true });
      await this.#save({ ...this.#state, hosts: others });
    });
    this.#hosts.delete(host.name);
    forget(`${this.id} host ${host.name}`);
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
