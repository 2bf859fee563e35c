// The agent upgrades itself: to one that works, to one that ends at its start, to one that runs and
// never connects. The node always ends with an agent that works, which says why it is the old one.
// The steps build on each other.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CommandResult, run } from '../../scripts/machine/command.ts';
import { silentProgress } from '../../scripts/machine/progress.ts';
import type { ExtraTree } from '../../scripts/sandbox/artifact-store.ts';
import type { SandboxHost } from '../../scripts/sandbox/host.ts';
import { runPod } from '../../scripts/sandbox/pod.ts';
import { startReadySandbox } from '../../scripts/sandbox/ready.ts';
import {
  createJoinCommand,
  kubectl,
  pasteJoinCommand,
  payloadFile,
  poolName,
  regnodectl,
  resource,
} from '../../scripts/sandbox/registration.ts';
import type { Sandbox } from '../../scripts/sandbox/sandbox.ts';
import { waitFor } from '../../scripts/sandbox/wait.ts';
import { difference, type Observation, observe } from './observation.ts';

const checkout = resolve(import.meta.dirname, '../..');
const builds = {
  '0.2.0': 'agent/main.ts',
  '0.3.0': 'test/e2e/agents/crashing.ts',
  '0.4.0': 'test/e2e/agents/silent.ts',
} as const;

interface Status {
  readonly versions: Readonly<Record<string, string>>;
  readonly upgrades?: readonly {
    component: string;
    to: string;
    state: string;
    code: string;
    detail: string;
  }[];
  readonly tunnel: { readonly connected: boolean };
}

let sandbox: Sandbox;
let host: SandboxHost;
let before: Observation;
let pod: string;

const upgrade = (version: string, ...more: string[]): Promise<CommandResult> =>
  sandbox.cloud.regnodectl(
    ['pool', 'upgrade', poolName, '--agent-version', version, '--wait', '--timeout', '6m', ...more],
    { timeoutMs: 400_000 },
  );
const status = async (): Promise<Status> =>
  ((await resource(sandbox, 'registerednode', 'idc-1')) as { status: Status }).status;
const said = async () => (await host.run('regnode', ['version'])).stdout;
const container = () =>
  kubectl(sandbox, [
    'get',
    'pod',
    'worker',
    '-o',
    'jsonpath={.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount}',
  ]);
/** What the guard of a trial leaves on the host. */
const guards = async () =>
  (
    await host.run('sh', [
      '-c',
      'ls /etc/systemd/system/regnode.service.d /etc/systemd/system/regnode-upgrade.*',
    ])
  ).stdout;
const connectedAs = (version: string) =>
  waitFor(
    `agent ${version} to be connected`,
    async () => {
      const { versions, tunnel } = await status();
      return tunnel.connected && versions.agent === version;
    },
    { timeoutMs: 120_000, intervalMs: 1000, detail: () => host.logs('regnode') },
  );

beforeAll(async () => {
  const pool = ['--drift-interval', '10s', '--agent-version', await ownVersion()];
  sandbox = await startReadySandbox({ name: 'e2e-upgrade-agent', pool });
  const { cloud } = sandbox;
  host = await sandbox.addHost({ name: 'idc-1', identity: 'tencentos-3.1' });
  before = await observe(host);
  const joined = await pasteJoinCommand(host, await createJoinCommand(sandbox));
  expect(joined, joined.stdout + joined.stderr).toMatchObject({ exitCode: 0 });
  await runPod(sandbox, 'worker', 'idc-1');
  pod = await container();
  // Afterwards: install.sh takes the newest agent that there is.
  const folder = await mkdtemp(join(tmpdir(), 'regnode-agents-'));
  try {
    await cloud.buildArtifactStore(await payloadFile(), silentProgress, await buildAgents(folder));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 500_000);
afterAll(() => sandbox?.stop());

test('a good agent takes over, says so, and leaves no guard behind', async () => {
  const done = await upgrade('0.2.0');
  expect(done, done.stderr + (await host.logs('regnode'))).toMatchObject({ exitCode: 0 });
  expect(await said()).toContain('0.2.0');
  await connectedAs('0.2.0');
  await waitFor(
    'the guard to be gone',
    async () => (await guards()).trim().endsWith('regnode.service.d:') || (await guards()).trim() === '',
    {
      timeoutMs: 60_000,
      intervalMs: 500,
    },
  );
  const releases = (await host.run('ls', ['/opt/regnode/releases'])).stdout.trim().split('\n');
  expect(releases.map((name) => name.split('-')[0])).toEqual([await ownVersion(), '0.2.0']);
  expect(await container()).toBe(pod);
}, 450_000);

test('one that ends at its start is put away by what the old one left behind', async () => {
  const failed = await upgrade('0.3.0');
  expect(failed, failed.stderr + (await host.logs('regnode'))).toMatchObject({ exitCode: 5 });
  await connectedAs('0.2.0');
  const [note] = (await status()).upgrades ?? [];
  expect(note).toMatchObject({
    component: 'agent',
    to: '0.3.0',
    state: 'rolled-back',
    code: 'AGENT_CRASHED',
  });
  expect(note?.detail).toContain('this agent is broken');
  const shown = await host.run('regnode', ['status']);
  expect(shown.exitCode).toBe(5);
  expect(shown.stdout).toMatch(/\[fail\] upgrade +agent 0\.2\.0 → 0\.3\.0: rolled-back \(AGENT_CRASHED\)/);
  expect(await container()).toBe(pod);
}, 450_000);

test('one that runs and never connects is put away in time', async () => {
  const failed = await upgrade('0.4.0', '--health-timeout', '20s');
  expect(failed, failed.stderr + (await host.logs('regnode'))).toMatchObject({ exitCode: 5 });
  await connectedAs('0.2.0');
  const [note] = (await status()).upgrades ?? [];
  expect(note).toMatchObject({ to: '0.4.0', code: 'AGENT_CRASHED' });
  expect(note?.detail).toContain('it was not well within 20 s');
  expect(await container()).toBe(pod);
}, 450_000);

test('a power cut in the middle of a trial changes nothing about that', async () => {
  await regnodectl(sandbox, ['node', 'retry', 'idc-1']);
  const current = async () => (await host.run('readlink', ['/opt/regnode/current'])).stdout;
  await waitFor('the flip', async () => (await current()).includes('0.4.0'), {
    timeoutMs: 60_000,
    intervalMs: 100,
  });
  await host.reboot();
  await waitFor('the old agent', async () => (await current()).includes('0.2.0'), {
    timeoutMs: 180_000,
    intervalMs: 1000,
    detail: () => host.logs(),
  });
  await connectedAs('0.2.0');
}, 450_000);

test('the desired state for the one that works ends it, and a leave gives the host back', async () => {
  const done = await upgrade('0.2.0');
  expect(done, done.stderr).toMatchObject({ exitCode: 0 });
  // After the boot a while ago, what is observed only now and then may still be told.
  let shown = '';
  const isWell = async () => {
    const { exitCode, stdout } = await host.run('regnode', ['status']);
    shown = stdout;
    return exitCode === 0;
  };
  await waitFor('a status that is well', isWell, {
    timeoutMs: 120_000,
    intervalMs: 1000,
    detail: async () => shown,
  });
  const left = await host.run('regnode', ['leave', '--yes'], { timeoutMs: 180_000 });
  expect(left, left.stdout + left.stderr).toMatchObject({ exitCode: 0 });
  const uninstalled = await host.run('/opt/regnode/uninstall.sh', [], { timeoutMs: 60_000 });
  expect(uninstalled, uninstalled.stdout + uninstalled.stderr).toMatchObject({ exitCode: 0 });
  expect(difference(before, await observe(host))).toEqual([]);
}, 450_000);

/**
 * As trees: the bundle takes one ready-made archive of an agent, and that is the one that hosts join with.
 */
async function buildAgents(folder: string): Promise<ExtraTree[]> {
  const trees: ExtraTree[] = [];
  for (const [version, entry] of Object.entries(builds)) {
    const out = join(folder, version);
    const args = ['scripts/build/main.ts', '--no-rpm', '--out', out, '--version', version, '--entry', entry];
    await run(process.execPath, args, { cwd: checkout, timeoutMs: 300_000 });
    const tree = join(folder, `tree-${version}`);
    await mkdir(tree);
    await run('tar', ['-xzf', join(out, `regnode-${version}-linux-amd64.tar.gz`), '-C', tree]);
    trees.push({ component: 'agent', version, folder: tree });
  }
  return trees;
}

async function ownVersion(): Promise<string> {
  return /regnode-(.+)-linux/.exec(await payloadFile())?.[1] ?? '';
}
