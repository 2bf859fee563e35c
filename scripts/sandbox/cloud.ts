// The cloud of a sandbox: its namespace with the control plane and the gateway, and the ways to use them. The
// gateway is this checkout's (programs.ts), as the user regnode-gateway, never an administrator.
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { CommandOptions, CommandResult } from '../machine/command.ts';
import { type Progress, silentProgress } from '../machine/progress.ts';
import { KubernetesApi } from './api.ts';
import { killApiServer, startApiServer } from './api-server.ts';
import { type ExtraTree, makeArtifactStore, signArtifactStore } from './artifact-store.ts';
import { apiServerUrl, type ControlPlaneFiles, kubectl, waitForApiServer } from './control-plane.ts';
import { GatewayProcess } from './gateway-process.ts';
import { cloudAddress, cloudMember } from './line.ts';
import { namespaceName, runInNamespace, startDaemon } from './namespaces.ts';
import { type GatewayProgram, gatewayProgram } from './programs.ts';
import { runFolder, type SandboxState } from './registry.ts';

const checkout = resolve(import.meta.dirname, '../..');
export const gatewayUrl = `https://${cloudAddress}`;
const metricsAddress = '127.0.0.1:9464';

export class SandboxCloud {
  readonly address = cloudAddress;
  readonly apiServerUrl = apiServerUrl;
  readonly gatewayUrl = gatewayUrl;
  /** Where /metrics, /nodes and /healthz of the gateway answer, inside the cloud's namespace. */
  readonly statusUrl = `http://${metricsAddress}`;
  readonly namespace: string;
  readonly files: ControlPlaneFiles;
  readonly adminKubeconfig: string;
  readonly gatewayKubeconfig: string;
  readonly egressSocket: string;
  readonly gatewayLog: string;
  /** The store of the artifacts that the gateway serves. */
  readonly artifactStore: string;
  /** The private key that signs it; not in the store. */
  readonly artifactKey: string;
  readonly kubernetes: string;
  /** For polling; kubectl is for what it is tested with, and for people. */
  readonly api: KubernetesApi;
  readonly #id: string;
  readonly #gateway: GatewayProcess;

  constructor(state: SandboxState, kubernetes: string) {
    this.#id = state.id;
    this.kubernetes = kubernetes;
    this.namespace = namespaceName(state.id, cloudMember);
    this.files = cloudFiles(state);
    this.api = new KubernetesApi(state.id, this.files);
    this.adminKubeconfig = join(this.files.pki, 'admin.conf');
    this.gatewayKubeconfig = join(this.files.pki, 'regnode-gateway.conf');
    this.egressSocket = this.files.egressSocket;
    this.artifactStore = join(this.files.folder, 'artifacts');
    this.artifactKey = join(this.files.folder, 'artifact-key.pem');
    this.#gateway = new GatewayProcess({
      id: state.id,
      folder: this.files.folder,
      logs: this.files.logs,
      file: 'gateway',
      metricsAddress,
      usualArguments: [
        ...['--kubeconfig', this.gatewayKubeconfig],
        ...['--listen', '0.0.0.0:443'],
        ...['--public-url', gatewayUrl],
        ...['--egress-socket', this.egressSocket],
        ...['--artifacts', this.artifactStore],
        ...['--metrics-listen', metricsAddress],
      ],
    });
    this.gatewayLog = this.#gateway.log;
  }

  /** Runs a command in the cloud's network namespace; a failure is a result. */
  run(command: string, args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return runInNamespace(this.#id, cloudMember, command, args, {
      timeoutMs: 60_000,
      allowFailure: true,
      ...options,
    });
  }

  /** kubectl as the administrator; a failure is a result. */
  kubectl(
    args: readonly string[],
    options: { input?: string; timeoutMs?: number } = {},
  ): Promise<CommandResult> {
    return kubectl(this.#id, this.files, { kubernetes: this.kubernetes }, args, options);
  }

  regnodectl(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return this.#node('regnodectl', args, options);
  }

  /**
   * Custom resources and permissions, applied by the administrator; those for Cilium when a pool asks for it.
   */
  async setUpGateway(more: readonly string[] = []): Promise<void> {
    const args = ['setup', '--kubeconfig', this.adminKubeconfig, ...more];
    const result = await this.#node('gateway', args, { timeoutMs: 300_000 });
    if (result.exitCode !== 0) throw new Error(`gateway setup: ${result.stderr || result.stdout}`);
  }

  /** Makes and signs the folder that the gateway serves; `agent` is what scripts/build made (a tar.gz). */
  buildArtifactStore(
    agent?: string,
    progress: Progress = silentProgress,
    extra: readonly ExtraTree[] = [],
  ): Promise<void> {
    const place = { folder: this.artifactStore, keyFile: this.artifactKey };
    return makeArtifactStore(place, this.kubernetes, agent, progress, extra);
  }

  /** Issues the manifest anew; `more` are flags of `bundle sign`. */
  signArtifacts(more: readonly string[] = []): Promise<void> {
    return signArtifactStore(this.artifactStore, this.artifactKey, more);
  }

  /** Starts the gateway and waits until it answers. `more` is added to the usual arguments. */
  startGateway(
    more: readonly string[] = [],
    environment: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    return this.#gateway.start(more, environment);
  }

  killApiServer(): Promise<void> {
    return killApiServer(this.files);
  }

  /** Does not wait until it answers, as it may need somebody for that. */
  startApiServer(): Promise<void> {
    return startApiServer(this.#id, this.files, { kubernetes: this.kubernetes });
  }

  waitForApiServer(): Promise<unknown> {
    return waitForApiServer(this.files, this.api);
  }

  /** A program in the cloud's network namespace, until the sandbox is stopped. */
  startProgram(name: string, command: string, args: readonly string[]): Promise<number> {
    const logFile = join(this.files.logs, `${name}.log`);
    return startDaemon(this.#id, cloudMember, command, args, { logFile, cwd: this.files.folder });
  }

  /** Ends it as systemd would, and waits. */
  stopGateway(): Promise<void> {
    return this.#gateway.stop();
  }

  killGateway(): Promise<void> {
    return this.#gateway.kill();
  }

  gatewayIsRunning(): Promise<boolean> {
    return this.#gateway.isRunning();
  }

  restartGateway(): Promise<void> {
    return this.#gateway.restart();
  }

  freezeGateway(): Promise<void> {
    return this.#gateway.signal('SIGSTOP');
  }

  thawGateway(): Promise<void> {
    return this.#gateway.signal('SIGCONT');
  }

  async gatewayLogs(): Promise<string> {
    return readFile(this.gatewayLog, 'utf8');
  }

  async #node(
    program: GatewayProgram,
    args: readonly string[],
    options: CommandOptions = {},
  ): Promise<CommandResult> {
    return this.run(process.execPath, [await gatewayProgram(program), ...args], {
      cwd: checkout,
      environment: { KUBECONFIG: this.adminKubeconfig },
      ...options,
    });
  }
}

function cloudFiles(state: SandboxState): ControlPlaneFiles {
  const folder = join(state.dataFolder, 'cloud');
  return {
    folder,
    pki: join(folder, 'pki'),
    logs: join(folder, 'logs'),
    auditLog: join(folder, 'logs', 'audit.log'),
    // The path of a unix socket has 107 characters at most: not in the data folder, which may be anywhere.
    egressSocket: join(runFolder(state.id), 'egress.sock'),
  };
}
