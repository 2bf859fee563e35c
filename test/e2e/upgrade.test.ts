// New versions on registered nodes: a good one reaches both, one at a time, drained as their pool says, and
// pods that stay don't notice; one that crashes and one that never becomes Ready are taken back on the
// first node, with the reason, and never reach the second; an agent that is killed in the middle goes on.
// The steps build on each other.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CommandResult } from '../../scripts/machine/command.ts';
import { silentProgress } from '../../scripts/machine/progress.ts';
import type { SandboxHost } from '../../scripts/sandbox/host.ts';
import { runPod } from '../../scripts/sandbox/pod.ts';
import { startReadySandbox } from '../../scripts/sandbox/ready.ts';
import {
  createJoinCommand,
  createPool,
  kubectl,
  pasteJoinCommand,
  payloadFile,
  poolName,
  regnodectl,
  resource,
  waitForReady,
} from '../../scripts/sandbox/registration.ts';
import type { Sandbox } from '../../scripts/sandbox/sandbox.ts';
import { waitFor } from '../../scripts/sandbox/wait.ts';
import { makeUpgradeVersions, type Versions } from './upgrade-versions.ts';

interface Node {
  readonly status: {
    readonly versions: Readonly<Record<string, string>>;
    readonly upgrades?: readonly {
      component: string;
      to: string;
      state: string;
      code: string;
      detail: string;
    }[];
    readonly conditions: readonly { type: string; status: string; reason: string }[];
  };
}

interface Pool {
  readonly status: { readonly rollout?: { readonly updating: readonly string[] } };
}

const names = ['idc-1', 'idc-2'] as const;
let sandbox: Sandbox;
let hosts: readonly SandboxHost[];
let first: SandboxHost;
let before: string;
let versions: Versions;

const upgrade = (version: string, ...more: string[]): Promise<CommandResult> =>
  sandbox.cloud.regnodectl(
    ['pool', 'upgrade', poolName, '--kubernetes-version', version, '--wait', '--timeout', '8m', ...more],
    { timeoutMs: 500_000 },
  );
const kubelets = async () => {
  const { items } = JSON.parse(await kubectl(sandbox, ['get', 'nodes', '-o', 'json']));
  return items.map(
    (item: { status: { nodeInfo: { kubeletVersion: string } } }) => item.status.nodeInfo.kubeletVersion,
  );
};
const node = async (name: string): Promise<Node> => (await resource(sandbox, 'registerednode', name)) as Node;
/** Ids, restart counts and start times of all containers. */
const containers = () =>
  kubectl(sandbox, [
    'get',
    'pods',
    '-o',
    'jsonpath={range .items[*]}{.metadata.name} {.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount} {.status.containerStatuses[0].state.running.startedAt}{"\\n"}{end}',
  ]);
const events = (name: string) =>
  kubectl(sandbox, ['get', 'events', '-A', '--field-selector', `involvedObject.name=${name}`]);
/** A pod that something would make again elsewhere: a drain moves it. */
const runMovablePod = async (name: string, on: string) => {
  await runPod(sandbox, name, on);
  await kubectl(sandbox, ['create', 'configmap', name]);
  const uid = await kubectl(sandbox, ['get', 'configmap', name, '-o', 'jsonpath={.metadata.uid}']);
  const owner = { apiVersion: 'v1', kind: 'ConfigMap', name, uid, controller: true };
  const patch = JSON.stringify({ metadata: { ownerReferences: [owner] } });
  await kubectl(sandbox, ['patch', 'pod', name, '--type=merge', '-p', patch]);
};
const cordoned = () =>
  kubectl(sandbox, ['get', 'nodes', '-o', 'jsonpath={.items[?(@.spec.unschedulable)].metadata.name}']);
const reason = async (name: string) =>
  (await node(name)).status.conditions.find(({ type }) => type === 'VersionsCurrent')?.reason;

beforeAll(async () => {
  sandbox = await startReadySandbox({ name: 'e2e-upgrade', gateway: false });
  await using made = await makeUpgradeVersions();
  ({ versions } = made);
  const { cloud } = sandbox;
  await cloud.buildArtifactStore(await payloadFile(), silentProgress, made.trees);
  await cloud.startGateway();
  await createPool(sandbox, poolName, [
    '--containerd-version',
    versions.usualContainerd,
    '--drift-interval',
    '10s',
  ]);
  hosts = await Promise.all(names.map((name) => sandbox.addHost({ name, identity: 'tencentos-3.1' })));
  first = hosts[0] as SandboxHost;
  const command = await createJoinCommand(sandbox, ['--uses', '2']);
  for (const host of hosts) {
    const joined = await pasteJoinCommand(host, command);
    expect(joined, joined.stdout + joined.stderr).toMatchObject({ exitCode: 0 });
  }
  for (const name of names) await runPod(sandbox, `worker-${name}`, name);
  before = await containers();
}, 900_000);
afterAll(() => sandbox?.stop());

test('a version that Kubernetes does not allow is refused, and a dry run changes nothing', async () => {
  const refused = await upgrade(versions.tooNew);
  expect(refused, refused.stderr).toMatchObject({ exitCode: 2 });
  expect(refused.stderr).toContain('must not be newer');
  const dry = await upgrade(versions.working, '--dry-run');
  expect(dry, dry.stderr).toMatchObject({ exitCode: 0 });
  for (const name of names)
    expect(dry.stderr).toContain(`${name}: kubelet ${versions.usual} → ${versions.working}`);
  expect(await kubelets()).toEqual([`v${versions.usual}`, `v${versions.usual}`]);
});

test('kubelet and containerd go to new versions, one drained node at a time, and pods that stay never notice', async () => {
  await runMovablePod('movable', 'idc-1');
  const mostAtATime: number[] = [];
  let isOver = false;
  const watch = (async () => {
    while (!isOver) {
      const { status } = (await resource(sandbox, 'nodepool', poolName)) as Pool;
      mostAtATime.push(status.rollout?.updating.length ?? 0);
      await sleep(250); // a node takes many seconds
    }
  })();
  // Without other programs (upgrade-versions.ts) a patch has to do.
  const more = ['--containerd-version', versions.containerd, '--upgrade-drain', 'always'];
  const done = await upgrade(versions.working, ...more);
  isOver = true;
  await watch;
  expect(done, done.stderr + (await first.logs('regnode'))).toMatchObject({ exitCode: 0 });
  expect(await kubelets()).toEqual([`v${versions.working}`, `v${versions.working}`]);
  expect(Math.max(...mostAtATime)).toBe(1);
  // The movable one is gone; one that nothing would make again runs on.
  expect(await containers()).toBe(before);
  expect(await cordoned()).toBe('');
  for (const host of hosts) {
    expect(await host.logs('regnode')).toContain('pods are moved away first');
    const status = await host.run('regnode', ['status']);
    expect(status, status.stdout).toMatchObject({ exitCode: 0 });
    expect(status.stdout).toContain(`kubelet ${versions.working}`);
    expect(status.stdout).toContain(`containerd ${versions.containerd}`);
    const trees = await host.run('ls', ['/opt/regnode/components/kubelet']);
    expect(trees.stdout.split('\n')).toEqual(
      expect.arrayContaining([versions.usual, versions.working, 'current']),
    );
  }
  expect(await events('idc-1')).toContain('Upgraded');
}, 540_000);

test('a kubelet that ends at once is taken back on the first node, and the second never gets it', async () => {
  const failed = await upgrade(versions.crashing);
  expect(failed, failed.stderr).toMatchObject({ exitCode: 5 });
  expect(failed.stderr).toContain('this build of the kubelet is broken');
  await waitForReady(sandbox, 'idc-1');
  await waitFor('idc-1 to take pods again', async () => (await cordoned()) === '', { timeoutMs: 60_000 });
  expect(await kubelets()).toEqual([`v${versions.working}`, `v${versions.working}`]);
  expect(await containers()).toBe(before);
  const { status } = await node('idc-1');
  expect(status.versions.kubelet).toBe(versions.working);
  expect(status.upgrades).toMatchObject([
    { component: 'kubelet', to: versions.crashing, state: 'rolled-back', code: 'UPGRADE_CRASHED' },
  ]);
  expect(await reason('idc-1')).toBe('UPGRADE_CRASHED');
  expect(await events('idc-1')).toContain('UPGRADE_CRASHED');
  const onHost = await first.run('regnode', ['status']);
  expect(onHost.exitCode).toBe(5);
  expect(onHost.stdout).toMatch(/\[fail\] upgrade .*rolled-back \(UPGRADE_CRASHED\)/);
  expect((await node('idc-2')).status.upgrades ?? []).toEqual([]);
}, 540_000);

test('what failed is not tried again until somebody says so', async () => {
  const trials = async () =>
    (await first.logs('regnode'))
      .split('\n')
      .filter((line) => line.includes('trying a version') && line.includes(`"${versions.crashing}"`))
      .filter((line) => line.includes('"missing":""')).length;
  const tried = await trials();
  expect(tried).toBeGreaterThan(0);
  await first.run('systemctl', ['restart', 'regnode'], { timeoutMs: 60_000 });
  const looks = new Set<string>();
  await waitFor(
    'three looks at the host',
    async () => {
      const { stdout } = await first.run('regnode', ['status', '--json']);
      const at = /"reconcile":\{[^}]*"at":"([^"]+)"/.exec(stdout)?.[1];
      if (at !== undefined) looks.add(at);
      return looks.size >= 3;
    },
    { timeoutMs: 120_000, intervalMs: 1000, detail: () => first.logs('regnode') },
  );
  expect(await trials()).toBe(tried);
  await regnodectl(sandbox, ['node', 'retry', 'idc-1']);
  await waitFor('another trial', async () => (await trials()) > tried, {
    timeoutMs: 60_000,
    intervalMs: 1000,
  });
  await waitFor('the second refusal', async () => (await reason('idc-1')) === 'UPGRADE_CRASHED', {
    timeoutMs: 120_000,
    intervalMs: 1000,
  });
  await waitForReady(sandbox, 'idc-1');
}, 400_000);

test('a kubelet that never becomes Ready is taken back, and says so', async () => {
  const failed = await upgrade(versions.neverReady, '--health-timeout', '20s', '--upgrade-drain', 'minor');
  expect(failed, failed.stderr).toMatchObject({ exitCode: 5 });
  await waitForReady(sandbox, 'idc-1');
  expect(await kubelets()).toEqual([`v${versions.working}`, `v${versions.working}`]);
  expect(await containers()).toBe(before);
  const { status } = await node('idc-1');
  expect(status.upgrades).toMatchObject([{ to: versions.neverReady, code: 'UPGRADE_UNHEALTHY' }]);
  expect(status.upgrades?.[0]?.detail).toContain('the cluster has not heard of the new kubelet');
}, 540_000);

test('an agent that is killed in the middle goes on with what it had begun', async () => {
  const going = upgrade(versions.usual, '--health-timeout', '5m');
  const state = async () => (await first.run('cat', ['/var/lib/regnode/state.json'])).stdout;
  await waitFor('the trial', async () => (await state()).includes('"trial"'), {
    timeoutMs: 60_000,
    intervalMs: 50,
  });
  await first.kill('regnode', 'SIGKILL');
  const target = async () =>
    (await first.run('readlink', ['/opt/regnode/components/kubelet/current'])).stdout.trim();
  await waitFor('the flip', async () => (await target()) === versions.usual, {
    timeoutMs: 90_000,
    intervalMs: 50,
  });
  await first.kill('regnode', 'SIGKILL');
  const done = await going;
  expect(done, done.stderr + (await first.logs('regnode'))).toMatchObject({ exitCode: 0 });
  expect(await kubelets()).toEqual([`v${versions.usual}`, `v${versions.usual}`]);
  expect(await containers()).toBe(before);
  for (const name of names) expect(await reason(name)).toBe('VersionsCurrent');
}, 540_000);
