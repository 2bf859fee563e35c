// What a node has to show before a new version counts as working: the container runtime answers over
// the CRI, the kubelet's healthz, both without restarting meanwhile, the tunnel up, and the Node
// Ready as the gateway sees it.

import type { Trial } from '../components/versions.ts';
import { paths } from '../config/paths.ts';
import { askRuntimeVersion } from '../host/cri.ts';
import type { Host } from '../host/host.ts';
import type { GatewayApi } from '../identity/gateway-api.ts';
import { probeServices } from '../telemetry/heartbeat/services.ts';

export interface Health {
  /** What is missing, a line each; empty when all is well. */
  readonly missing: readonly string[];
  /** False when nobody could be asked how the cluster sees the node. */
  readonly isSeen: boolean;
  /** Unit and process id of what must not restart. */
  readonly processes: readonly string[];
  /** The same of what ran last, also when it has ended. */
  readonly started: readonly string[];
}

/**
 * `since`: when the trial (without one, of other settings) began, which what the
 * kubelet says has to be newer than.
 */
export type HealthProbe = (trial: Trial | undefined, since: string) => Promise<Health>;

const askTimeoutMs = 10_000;
const units = ['containerd.service', 'kubelet.service'];

export function createHealthProbe(host: Host, gateway: Pick<GatewayApi, 'status'>): HealthProbe {
  return async (trial, since) => {
    const [local, processes, cluster] = await Promise.all([
      askServices(host),
      Promise.all(units.map((unit) => processOf(host, unit))),
      askCluster(gateway, trial, since),
    ]);
    const down = processes.filter(({ pid }) => pid === 0).map(({ unit }) => `${unit} is not running`);
    return {
      missing: [...down, ...local, ...cluster.missing],
      isSeen: cluster.isSeen,
      processes: processes.filter(({ pid }) => pid > 0).map(({ unit, pid }) => `${unit} ${pid}`),
      started: processes
        .filter(({ lastPid }) => lastPid > 0)
        .map(({ unit, lastPid }) => `${unit} ${lastPid}`),
    };
  };
}

async function askServices(host: Host): Promise<string[]> {
  const [runtime, { kubeletHealthy }] = await Promise.all([
    askRuntimeVersion(paths.containerdSocket, askTimeoutMs).then(
      () => undefined,
      (error: unknown) => `containerd: ${error instanceof Error ? error.message : String(error)}`,
    ),
    probeServices(host),
  ]);
  return [
    ...(runtime ? [runtime] : []),
    ...(kubeletHealthy ? [] : ["the kubelet's healthz does not answer ok"]),
  ];
}

async function processOf(host: Host, unit: string): Promise<{ unit: string; pid: number; lastPid: number }> {
  const properties = '--property=ActiveState,MainPID,ExecMainPID';
  const { stdout } = await host.processes.run('systemctl', ['show', unit, properties]);
  const pid = Number(/^MainPID=(\d+)$/m.exec(stdout)?.[1] ?? 0);
  const lastPid = Number(/^ExecMainPID=(\d+)$/m.exec(stdout)?.[1] ?? pid);
  return { unit, pid: /^ActiveState=active$/m.test(stdout) ? pid : 0, lastPid };
}

async function askCluster(
  gateway: Pick<GatewayApi, 'status'>,
  trial: Trial | undefined,
  since: string,
): Promise<{ missing: string[]; isSeen: boolean }> {
  try {
    const status = await gateway.status(AbortSignal.timeout(askTimeoutMs));
    const missing = [
      ...(status.tunnelConnected ? [] : ['the tunnel is not up']),
      ...(status.ready === 'True'
        ? []
        : [`the node is not Ready (${status.ready}) ${status.readyMessage}`.trim()]),
      ...(trial?.component !== 'kubelet' || isNewKubelet(trial, status, since)
        ? []
        : [`the cluster has not heard of the new kubelet (it knows ${status.kubeletVersion || 'none'})`]),
      ...(trial !== undefined || since === '' || isHeardSince(status, since)
        ? []
        : ['the cluster has not heard of the kubelet since its restart']),
    ];
    return { missing, isSeen: true };
  } catch (error) {
    return { missing: [error instanceof Error ? error.message : String(error)], isSeen: false };
  }
}

/** Ready may still be the word of the kubelet before it, for 40 seconds. */
export function isNewKubelet(
  { from, to }: Pick<Trial, 'from' | 'to'>,
  status: { readonly kubeletVersion?: string | undefined; readonly readyHeartbeatAt?: string | undefined },
  since: string,
): boolean {
  const seen = release(status.kubeletVersion ?? '');
  if (release(from.version) !== release(to.version)) return seen === release(to.version);
  return isHeardSince(status, since);
}

/** Kubernetes writes whole seconds. */
function isHeardSince(
  { readyHeartbeatAt }: { readonly readyHeartbeatAt?: string | undefined },
  since: string,
): boolean {
  return Date.parse(readyHeartbeatAt ?? '') >= Math.floor(Date.parse(since) / 1000) * 1000;
}

const release = (version: string) => /\d+\.\d+\.\d+/.exec(version)?.[0] ?? version;
