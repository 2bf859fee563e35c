// From a bare sandbox to joined hosts, by the product's own commands and nothing else: the gateway set up and
// started, a pool, a token, and the printed join command pasted into a host. What quickstart shows and what
// the e2e tests start from is therefore the same.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { kubernetesVersion } from '../kubernetes/binaries.ts';
import type { CommandResult, LineListener } from '../machine/command.ts';
import { type Progress, silentProgress } from '../machine/progress.ts';
import type { SandboxHost } from './host.ts';
import { spend } from './ledger.ts';
import type { Sandbox } from './sandbox.ts';
import { waitFor } from './wait.ts';

export const poolName = 'idc';

/** The payload that scripts/build made from this checkout. */
export async function payloadFile(): Promise<string> {
  const checkout = new URL('../..', import.meta.url).pathname;
  const { version } = JSON.parse(await readFile(join(checkout, 'package.json'), 'utf8')) as {
    version: string;
  };
  const file = join(checkout, 'dist', `regnode-${version}-linux-amd64.tar.gz`);
  if (!existsSync(file)) throw new Error(`there is no ${file}: run "npm run build" first`);
  return file;
}

/** Custom resources, artifact store, gateway and one node pool. */
export async function startGatewayWithPool(
  sandbox: Sandbox,
  progress: Progress = silentProgress,
  pool: readonly string[] = [],
  gateway: readonly string[] = [],
): Promise<void> {
  const { cloud } = sandbox;
  await spend('gateway', async () => {
    await progress.step('custom resources and permissions', () => cloud.setUpGateway());
    await progress.step('artifact store', async () =>
      cloud.buildArtifactStore(await payloadFile(), progress),
    );
    await progress.step('gateway', () => startGatewayAndPool(sandbox, pool, gateway));
  });
}

/** In a cluster that is set up already. */
export function startGatewayAndPool(
  sandbox: Sandbox,
  pool: readonly string[] = [],
  gateway: readonly string[] = [],
): Promise<void> {
  return spend('gateway', async () => {
    await sandbox.cloud.startGateway(gateway);
    await createPool(sandbox, poolName, pool);
  });
}

export async function createPool(
  sandbox: Sandbox,
  name: string,
  more: readonly string[] = [],
): Promise<void> {
  const version = (await kubernetesVersion(sandbox.cloud.kubernetes)).replace(/^v/, '');
  await regnodectl(sandbox, [
    'pool',
    'create',
    name,
    '--kubernetes-version',
    version,
    '--network',
    'external',
    ...more,
  ]);
}

/** The line that a person would paste, for `uses` hosts. */
export async function createJoinCommand(sandbox: Sandbox, more: readonly string[] = []): Promise<string> {
  const answer = await regnodectl(sandbox, ['token', 'create', '--pool', poolName, '--json', ...more]);
  return (JSON.parse(answer) as { command: string }).command;
}

/** Pastes the command into a shell of the host; a refusal is a result. */
export function pasteJoinCommand(
  host: SandboxHost,
  command: string,
  environment: Readonly<Record<string, string>> = {},
  onLine: LineListener = () => undefined,
): Promise<CommandResult> {
  const input = `${command}\n`;
  return spend('join', () => host.run('bash', ['-s'], { input, timeoutMs: 300_000, environment, onLine }));
}

/** regnodectl that must succeed; returns what it printed. */
export async function regnodectl(sandbox: Sandbox, args: readonly string[]): Promise<string> {
  const result = await sandbox.cloud.regnodectl(args, { timeoutMs: 180_000 });
  if (result.exitCode !== 0)
    throw new Error(`regnodectl ${args.join(' ')}: ${result.stderr || result.stdout}`);
  return result.stdout;
}

/** kubectl that must succeed; returns what it printed. */
export async function kubectl(sandbox: Sandbox, args: readonly string[], input?: string): Promise<string> {
  const result = await sandbox.cloud.kubectl(args, {
    timeoutMs: 60_000,
    ...(input === undefined ? {} : { input }),
  });
  if (result.exitCode !== 0) throw new Error(`kubectl ${args.join(' ')}: ${result.stderr || result.stdout}`);
  return result.stdout;
}

/** What the gateway keeps of a node or a pool, without a program: for polling. */
export async function resource(
  sandbox: Sandbox,
  kind: 'registerednode' | 'nodepool',
  name: string,
): Promise<unknown> {
  const found = await sandbox.cloud.api.find(`/apis/regnode.io/v1alpha1/${kind}s/${name}`);
  if (found === undefined) throw new Error(`there is no ${kind} ${name}`);
  return found;
}

interface ReadyCondition {
  readonly type: string;
  readonly status: string;
  readonly lastHeartbeatTime: string;
}

/** What the Node says of Ready; undefined when there is no Node, or it has said nothing. */
export async function readyCondition(sandbox: Sandbox, node: string): Promise<ReadyCondition | undefined> {
  const found = (await sandbox.cloud.api.find(`/api/v1/nodes/${node}`)) as
    | { status: { conditions?: readonly ReadyCondition[] } }
    | undefined;
  return found?.status.conditions?.find(({ type }) => type === 'Ready');
}

/** Status of the Node's Ready condition: True, False, Unknown, or Absent. */
export async function readyStatus(sandbox: Sandbox, node: string): Promise<string> {
  return (await readyCondition(sandbox, node))?.status ?? 'Absent';
}

export function waitForReady(
  sandbox: Sandbox,
  node: string,
  status = 'True',
  timeoutMs = 120_000,
): Promise<string> {
  const isSo = async () => (await readyStatus(sandbox, node)) === status && status;
  return waitFor(`${node} Ready=${status}`, isSo, {
    timeoutMs,
    intervalMs: 500,
    detail: async () => (await sandbox.cloud.kubectl(['describe', 'node', node])).stdout,
  });
}
