// Two replicas of the gateway behind one address: each with ports of its own, a balancer before them, and the
// API server's egress socket as a link that points to the one that it is to ask.
//
//   const replicas = await startReplicas(sandbox);      // instead of cloud.startGateway()
//   replicas.of('gw-2').kill(); replicas.askThrough('gw-1');
import { rename, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gatewayUrl } from './cloud.ts';
import { GatewayProcess } from './gateway-process.ts';
import { cloudAddress, cloudMember } from './line.ts';
import { startDaemon } from './namespaces.ts';
import type { Sandbox } from './sandbox.ts';
import { waitFor } from './wait.ts';

export const replicaNames = ['gw-1', 'gw-2'] as const;
export type ReplicaName = (typeof replicaNames)[number];

export interface SandboxReplicas {
  of(name: ReplicaName): GatewayProcess;
  other(name: ReplicaName): ReplicaName;
  /** From now on the API server opens its connections through this one. */
  askThrough(name: ReplicaName): Promise<void>;
}

export async function startReplicas(
  sandbox: Sandbox,
  more: readonly string[] = [],
): Promise<SandboxReplicas> {
  const { cloud } = sandbox;
  const processes = new Map(replicaNames.map((name, index) => [name, replica(sandbox, name, index)]));
  const of = (name: ReplicaName) => {
    const found = processes.get(name);
    if (!found) throw new Error(`no replica ${name}`);
    return found;
  };
  await Promise.all(replicaNames.map((name) => of(name).start(more)));
  await startBalancer(sandbox);
  const askThrough = async (name: ReplicaName) => {
    const link = `${cloud.egressSocket}.next`;
    await rm(link, { force: true });
    await symlink(socketOf(sandbox, name), link);
    await rename(link, cloud.egressSocket);
  };
  await askThrough('gw-1');
  return { of, other: (name) => (name === 'gw-1' ? 'gw-2' : 'gw-1'), askThrough };
}

const publicPort = (index: number) => 8441 + index;
const socketOf = (sandbox: Sandbox, name: ReplicaName) =>
  join(dirname(sandbox.cloud.egressSocket), `${name}.sock`);

function replica(sandbox: Sandbox, name: ReplicaName, index: number): GatewayProcess {
  const { cloud } = sandbox;
  const metricsAddress = `127.0.0.1:${9471 + index}`;
  return new GatewayProcess({
    id: sandbox.id,
    folder: cloud.files.folder,
    logs: cloud.files.logs,
    file: `gateway-${name}`,
    metricsAddress,
    usualArguments: [
      ...['--name', name],
      ...['--kubeconfig', cloud.gatewayKubeconfig],
      ...['--listen', `${cloudAddress}:${publicPort(index)}`],
      ...['--public-url', gatewayUrl],
      ...['--egress-socket', socketOf(sandbox, name)],
      ...['--artifacts', cloud.artifactStore],
      ...['--metrics-listen', metricsAddress],
      ...['--replica-listen', `${cloudAddress}:${9481 + index}`],
      // Behind the balancer everybody has one address.
      ...['--connections-per-address', '4096'],
    ],
  });
}

async function startBalancer(sandbox: Sandbox): Promise<void> {
  const { files } = sandbox.cloud;
  const args = [
    join(import.meta.dirname, 'balancer.ts'),
    `${cloudAddress}:443`,
    ...replicaNames.map((_name, index) => `${cloudAddress}:${publicPort(index)}`),
  ];
  await startDaemon(sandbox.id, cloudMember, process.execPath, args, {
    logFile: join(files.logs, 'balancer.log'),
  });
  const answers = async () =>
    (await sandbox.cloud.run('curl', ['-skf', '--max-time', '5', `${gatewayUrl}/healthz`])).exitCode === 0;
  await waitFor('the balancer', answers, { timeoutMs: 30_000, intervalMs: 200 });
}
