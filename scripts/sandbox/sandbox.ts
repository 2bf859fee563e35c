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
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { kubernetesBinaries } from '../kubernetes/binaries.ts';
import { type Progress, silentProgress } from '../machine/progress.ts';
import { boot, disks, prepareRoot } from './boot.ts';
import { setFrozen } from './cgroups.ts';
import { SandboxCloud } from './cloud.ts';
import { copyCloud, databaseFolder, startControlPlane, waitForControllers } from './control-plane.ts';
import { copyTree } from './copy.ts';
import { type Guard, startGuard } from './guard.ts';
import type { SandboxHost } from './host.ts';
import { type HostOptions, SandboxHosts } from './hosts.ts';
import { startKubeProxy } from './kube-proxy.ts';
import { account, closeAccount, spend } from './ledger.ts';
import { cloudMember, createLine } from './line.ts';
import { createNamespace } from './namespaces.ts';
import { ensureMachinePackages } from './packages.ts';
import {
  createState,
  isCalled,
  listStates,
  ownCheckout,
  type SandboxState,
  withRegistryLock,
} from './registry.ts';
import { baseRoot } from './root.ts';
import { sandboxSoftware } from './software.ts';
import { prepareSysctls } from './sysctls.ts';
import { reapDead, takeDown } from './teardown.ts';
import { forget, hear } from './testimony.ts';

export interface SandboxOptions {
  /** For people; need not be unique, and is this checkout's own. */
  readonly name?: string;
  readonly progress?: Progress;
  /** The folder of a template (template.ts) that it begins as a copy of. */
  readonly template?: string;
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
    const { files, api } = sandbox.cloud;
    await startControlPlane(state.id, files, programs, api, progress, template);
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
  readonly #hosts: SandboxHosts;
  #guard: Guard | undefined;

  constructor(state: SandboxState, kubernetes: string, progress: Progress, guard?: Guard, template?: string) {
    this.#progress = progress;
    this.#guard = guard;
    this.cloud = new SandboxCloud(state, kubernetes);
    this.#hosts = new SandboxHosts(state, template);
  }

  get id(): string {
    return this.#hosts.state.id;
  }

  get name(): string {
    return this.#hosts.state.name;
  }

  get dataFolder(): string {
    return this.#hosts.state.dataFolder;
  }

  get hosts(): readonly SandboxHost[] {
    return this.#hosts.all;
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
    const { host, handle, template } = await this.#hosts.register(options);
    hear(`${this.id} host ${host.name}`, handle);
    try {
      const title = `booting host ${host.name} (${host.identity}, ${host.address})`;
      await this.#progress.step(title, async () => {
        await prepareRoot(handle.folders, base, host, template);
        await boot(this.id, host, handle.folders);
        // Nobody needs them before there is a host, so nobody waits for them earlier.
        await waitForControllers(this.cloud.files, this.cloud.api);
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
    await this.#hosts.disown();
    this.#guard?.dismiss();
    this.#guard = undefined;
  }

  /** Leaves nothing behind. */
  async stop(): Promise<void> {
    forget(`${this.id} `);
    this.cloud.api.close();
    await closeAccount(this.id, () => takeDown(this.id));
    this.#guard?.dismiss();
    this.#guard = undefined;
  }
}
