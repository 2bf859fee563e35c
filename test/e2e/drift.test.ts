// Changes made by hand on a real host: a file edited, a unit stopped, a parameter set, a link moved, a module
// option removed, a drop-in beside a unit. With `report` each is found, told everywhere and left; with
// `repair` each is set back, and pods stay. A drop-in is only told.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SandboxHost } from '../../scripts/sandbox/host.ts';
import { runPod } from '../../scripts/sandbox/pod.ts';
import { startReadySandbox } from '../../scripts/sandbox/ready.ts';
import {
  createJoinCommand,
  kubectl,
  pasteJoinCommand,
  poolName,
  regnodectl,
  resource,
  waitForReady,
} from '../../scripts/sandbox/registration.ts';
import type { Sandbox } from '../../scripts/sandbox/sandbox.ts';
import { waitFor } from '../../scripts/sandbox/wait.ts';
import { difference, type Observation, observe } from './observation.ts';

const changes = {
  'file:/etc/containerd/config.toml': 'echo "# by hand" >> /etc/containerd/config.toml',
  'sysctl:net.ipv4.ip_forward': 'echo 0 > /proc/sys/net/ipv4/ip_forward',
  'link:/opt/regnode/components/runc/current': 'ln -sfn elsewhere /opt/regnode/components/runc/current',
  'file:/etc/sysctl.d/90-regnode.conf': 'rm /etc/sysctl.d/90-regnode.conf',
  'unit:kubelet.service': 'systemctl stop kubelet',
} as const;
const keys = Object.keys(changes).sort();

interface Status {
  readonly drift?: readonly { key: string; repaired: boolean }[];
  readonly conditions: readonly { type: string; status: string; reason: string }[];
}

let sandbox: Sandbox;
let host: SandboxHost;
let before: Observation;

const status = async (): Promise<Status> =>
  ((await resource(sandbox, 'registerednode', 'idc-1')) as { status: Status }).status;
const driftOf = async (repaired: boolean) =>
  ((await status()).drift ?? [])
    .filter((note) => note.repaired === repaired)
    .map(({ key }) => key)
    .sort();
const condition = async () => (await status()).conditions.find(({ type }) => type === 'InSync');
const events = () =>
  kubectl(sandbox, ['get', 'events', '-A', '--field-selector', 'involvedObject.name=idc-1']);
const changeByHand = async () => {
  const done = await host.run('bash', ['-e', '-s'], { input: Object.values(changes).join('\n') });
  expect(done, done.stderr).toMatchObject({ exitCode: 0 });
};
const plan = async () => {
  const shown = await host.run('regnode', ['plan', '--json']);
  return JSON.parse(shown.stdout).plan as {
    schema: number;
    driftPolicy: string;
    steps: { key: string; drift: boolean; willBeDone: boolean }[];
  };
};

beforeAll(async () => {
  const pool = ['--drift-policy', 'report', '--drift-interval', '5s'];
  sandbox = await startReadySandbox({ name: 'e2e-drift', pool });
  host = await sandbox.addHost({ name: 'idc-1', identity: 'tencentos-3.1' });
  before = await observe(host);
  const joined = await pasteJoinCommand(host, await createJoinCommand(sandbox));
  expect(joined, joined.stdout + joined.stderr).toMatchObject({ exitCode: 0 });
  await runPod(sandbox, 'worker', 'idc-1');
}, 400_000);
afterAll(() => sandbox?.stop());

test('a host as it was made has an empty plan', async () => {
  expect(await plan()).toMatchObject({ schema: 2, driftPolicy: 'report', steps: [] });
  expect(await condition()).toMatchObject({ status: 'True', reason: 'NoDrift' });
});

test('report: found, told, and left as it is', async () => {
  await changeByHand();
  // On demand, at once.
  const shown = await plan();
  expect(shown.steps.map(({ key }) => key).sort()).toEqual(keys);
  for (const step of shown.steps) expect(step).toMatchObject({ drift: true, willBeDone: false });
  const text = (await host.run('regnode', ['plan'])).stdout;
  expect(text).toMatch(/- # by hand/);
  expect(text).toContain('[drift: the pool says to leave it]');
  // By itself, soon.
  await waitFor('the report', async () => (await driftOf(false)).join() === keys.join(), {
    timeoutMs: 60_000,
    intervalMs: 500,
    detail: () => host.logs('regnode'),
  });
  expect(await condition()).toMatchObject({ status: 'False', reason: 'DriftFound' });
  expect(await events()).toContain('DriftFound');
  expect((await host.run('regnode', ['status'])).stdout).toMatch(/\[fail\] drift .*kubelet\.service/);
  // A changed desired state is carried out beside it.
  await regnodectl(sandbox, ['pool', 'set', poolName, '--max-pods', '50']);
  const maxPods = () => host.run('grep', ['maxPods', '/var/lib/kubelet/config.yaml']);
  await waitFor('the new desired state', async () => (await maxPods()).stdout.includes('50'), {
    timeoutMs: 60_000,
    intervalMs: 500,
  });
  expect((await host.run('tail', ['-n', '1', '/etc/containerd/config.toml'])).stdout).toContain('# by hand');
  expect((await host.run('cat', ['/proc/sys/net/ipv4/ip_forward'])).stdout.trim()).toBe('0');
  expect((await host.run('readlink', ['/opt/regnode/components/runc/current'])).stdout.trim()).toBe(
    'elsewhere',
  );
});

test('repair: the same is set back, told, and the pod has not been touched', async () => {
  const pod = () =>
    kubectl(sandbox, ['get', 'pod', 'worker', '-o', 'jsonpath={.status.containerStatuses[0].containerID}']);
  const running = await pod();
  await regnodectl(sandbox, ['pool', 'set', poolName, '--drift-policy', 'repair']);
  await waitFor('an empty plan', async () => (await plan()).steps.length === 0, {
    timeoutMs: 90_000,
    intervalMs: 1000,
    detail: () => host.logs('regnode'),
  });
  await waitForReady(sandbox, 'idc-1');
  await changeByHand();
  await waitFor('an empty plan again', async () => (await plan()).steps.length === 0, {
    timeoutMs: 90_000,
    intervalMs: 1000,
    detail: () => host.logs('regnode'),
  });
  await waitFor('the word of it', async () => (await driftOf(true)).join() === keys.join(), {
    timeoutMs: 60_000,
    intervalMs: 500,
  });
  expect(await driftOf(false)).toEqual([]);
  expect(await condition()).toMatchObject({ status: 'True' });
  expect(await events()).toContain('DriftRepaired');
  expect((await host.run('systemctl', ['is-active', 'kubelet'])).stdout.trim()).toBe('active');
  expect((await host.run('cat', ['/proc/sys/net/ipv4/ip_forward'])).stdout.trim()).toBe('1');
  await waitForReady(sandbox, 'idc-1');
  expect(await pod()).toBe(running);
});

test('somebody’s drop-in is told although the pool says repair, and stays', async () => {
  const path = '/etc/systemd/system/kubelet.service.d/20-own.conf';
  const lines = '[Service]\\nEnvironment=HTTPS_PROXY=http://10.0.0.9:3128\\n';
  const shell = async (script: string) =>
    expect(await host.run('sh', ['-ec', script])).toMatchObject({ exitCode: 0 });
  await shell(
    `mkdir ${path.slice(0, path.lastIndexOf('/'))}; printf '${lines}' > ${path}; systemctl daemon-reload`,
  );
  const isTold = async () => (await driftOf(false)).join() === `drop-in:${path}`;
  await waitFor('the word of it', isTold, { timeoutMs: 60_000, intervalMs: 500 });
  expect(await condition()).toMatchObject({ status: 'False', reason: 'DriftFound' });
  expect((await host.run('regnode', ['plan'])).stdout).toContain(
    `! drop-in:${path}  (changes Environment of kubelet.service)`,
  );
  await shell(`test -e ${path}; rm -r ${path.slice(0, path.lastIndexOf('/'))}; systemctl daemon-reload`);
  await waitFor('no more of it', async () => (await driftOf(false)).length === 0, {
    timeoutMs: 60_000,
    intervalMs: 500,
  });
});

test('after all of it a leave gives the host back', async () => {
  const left = await host.run('regnode', ['leave', '--yes'], { timeoutMs: 180_000 });
  expect(left, left.stdout + left.stderr).toMatchObject({ exitCode: 0 });
  const uninstalled = await host.run('/opt/regnode/uninstall.sh', [], { timeoutMs: 60_000 });
  expect(uninstalled, uninstalled.stdout + uninstalled.stderr).toMatchObject({ exitCode: 0 });
  expect(difference(before, await observe(host))).toEqual([]);
});
