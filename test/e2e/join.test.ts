// The whole life of one host: pasted command → Ready → a pod, its logs and a shell through the tunnel → the
// cable pulled for 30 s → labels, taints, cordon, drain → leave → exactly the host that it was before. The
// steps build on each other: what one leaves is where the next begins.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SandboxHost } from '../../scripts/sandbox/host.ts';
import { runPod } from '../../scripts/sandbox/pod.ts';
import { startReadySandbox } from '../../scripts/sandbox/ready.ts';
import {
  createJoinCommand,
  kubectl,
  pasteJoinCommand,
  readyStatus,
  regnodectl,
  waitForReady,
} from '../../scripts/sandbox/registration.ts';
import type { Sandbox } from '../../scripts/sandbox/sandbox.ts';
import { waitFor } from '../../scripts/sandbox/wait.ts';
import { difference, type Observation, observe } from './observation.ts';

let sandbox: Sandbox;
let host: SandboxHost;
let before: Observation;
let joinCommand: string;

beforeAll(async () => {
  sandbox = await startReadySandbox({ name: 'e2e-join' });
  host = await sandbox.addHost({ name: 'idc-1', identity: 'tencentos-3.1' });
  before = await observe(host);
});
afterAll(() => sandbox?.stop());

test('the pasted command joins the host, and its token is never in ps', async () => {
  joinCommand = await createJoinCommand(sandbox);
  const token = /rt-[a-z0-9]{6}\.[a-z0-9]{32}/.exec(joinCommand)?.[0];
  expect(token).toBeDefined();
  const watch = host.run('sh', ['-s'], {
    input:
      'while [ ! -e /tmp/joined ]; do cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\\0" " "; echo; sleep 0.05; done',
    timeoutMs: 300_000,
  });
  const joined = await pasteJoinCommand(host, joinCommand);
  await host.run('touch', ['/tmp/joined']);
  const seen = (await watch).stdout;
  await host.run('rm', ['/tmp/joined']);
  expect(joined, joined.stdout + joined.stderr).toMatchObject({ exitCode: 0 });
  expect(seen).toContain('regnode');
  expect(seen).not.toContain(token?.split('.')[1]);
  await waitForReady(sandbox, 'idc-1');
});

test('the node says what it is', async () => {
  const node = JSON.parse(await kubectl(sandbox, ['get', 'node', 'idc-1', '-o', 'json']));
  expect(node.status.nodeInfo.osImage).toBe('TencentOS Server 3.1 (Final)');
  const addresses: { type: string; address: string }[] = node.status.addresses;
  expect(addresses.find(({ type }) => type === 'InternalIP')?.address).toBe(host.address);
  const listed = async () => JSON.parse(await regnodectl(sandbox, ['node', 'list', '--json'])).nodes;
  expect(await listed()).toMatchObject([
    { name: 'idc-1', leaving: false, spec: { addresses: [host.address] }, status: {} },
  ]);
  await waitFor(
    'the list to say that it is Ready',
    async () => (await listed())[0]?.status.ready === 'True',
    {
      timeoutMs: 30_000,
    },
  );
});

test('a pod runs; its logs and a command in it come through the tunnel', async () => {
  await runPod(sandbox, 'talker', 'idc-1');
  const directly = await sandbox.cloud.run('curl', [
    '-sk',
    '--max-time',
    '3',
    `https://${host.address}:10250/healthz`,
  ]);
  expect(directly.exitCode, 'nothing connects from the cloud into the host').not.toBe(0);
  await waitFor('log lines', async () => /line 2 on idc-1/.test(await kubectl(sandbox, ['logs', 'talker'])), {
    timeoutMs: 20_000,
  });
  const command = ['exec', '-i', 'talker', '--', 'sh', '-c', 'cat; echo on $NODE_NAME'];
  expect(await kubectl(sandbox, command, 'through the tunnel\n')).toBe('through the tunnel\non idc-1\n');
  const failing = await sandbox.cloud.kubectl(['exec', 'talker', '--', 'sh', '-c', 'exit 7']);
  expect(failing.exitCode).toBe(7);
});

test('heartbeats and metrics arrive at the gateway', async () => {
  const metrics = async () =>
    (await sandbox.cloud.run('curl', ['-s', 'http://127.0.0.1:9464/metrics'])).stdout;
  const line = /node_memory_MemTotal_bytes\{[^}]*node="idc-1"[^}]*\} ([0-9.e+]+)/;
  const reported = await waitFor('metrics', async () => line.exec(await metrics())?.[1], {
    timeoutMs: 40_000,
  });
  const inside = /MemTotal:\s+(\d+) kB/.exec((await host.run('cat', ['/proc/meminfo'])).stdout)?.[1];
  expect(Number(reported)).toBe(Number(inside) * 1024);
  // The addon is loaded, and the unit lets it ask the kernel.
  const clock = /^node_timex_sync_status\{[^}]*node="idc-1"[^}]*\} [01]$/m;
  await waitFor('the clock', async () => clock.exec(await metrics())?.[0], { timeoutMs: 40_000 });
});

test('joining again has nothing to do', async () => {
  const again = await host.run('regnode', ['join', '--json'], { timeoutMs: 120_000 });
  expect(again, again.stdout + again.stderr).toMatchObject({ exitCode: 0 });
});

test('the cable is pulled for 30 s, and everything comes back', async () => {
  const container = () =>
    kubectl(sandbox, [
      'get',
      'pod',
      'talker',
      '-o',
      'jsonpath={.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount}',
    ]);
  const wasRunning = await container();
  await host.cutLink();
  await new Promise((resolve) => setTimeout(resolve, 30_000)); // the outage itself, not a wait for luck
  const status = await sandbox.cloud.run('curl', ['-s', 'http://127.0.0.1:9464/nodes/idc-1']);
  expect(status.stdout).toMatch(/"connected":\s*false/);
  await host.restoreLink();
  await waitFor(
    'logs after the outage',
    async () => {
      const logs = await sandbox.cloud.kubectl(['logs', '--tail=1', 'talker'], { timeoutMs: 10_000 });
      return logs.exitCode === 0 && /^line \d+ on idc-1/.test(logs.stdout);
    },
    { timeoutMs: 60_000, intervalMs: 250 },
  );
  await waitForReady(sandbox, 'idc-1');
  expect(await container()).toBe(wasRunning);
});

test('label, taint, cordon, uncordon and drain', async () => {
  await regnodectl(sandbox, ['node', 'label', 'idc-1', 'rack=r7']);
  await regnodectl(sandbox, ['node', 'taint', 'idc-1', 'dedicated=batch:NoSchedule']);
  await regnodectl(sandbox, ['node', 'cordon', 'idc-1']);
  const node = () => kubectl(sandbox, ['get', 'node', 'idc-1', '-o', 'json']).then(JSON.parse);
  expect(await node()).toMatchObject({ metadata: { labels: { rack: 'r7' } }, spec: { unschedulable: true } });
  expect((await node()).spec.taints).toContainEqual({
    key: 'dedicated',
    value: 'batch',
    effect: 'NoSchedule',
  });
  await regnodectl(sandbox, ['node', 'uncordon', 'idc-1']);
  expect((await node()).spec.unschedulable ?? false).toBe(false);
  await regnodectl(sandbox, ['node', 'drain', 'idc-1', '--force']);
  expect(await kubectl(sandbox, ['get', 'pods', '-o', 'name'])).toBe('');
});

test('the daemon survives kill -9, and the node stays Ready', async () => {
  const pid = async () =>
    (await host.run('systemctl', ['show', '-p', 'MainPID', '--value', 'regnode'])).stdout.trim();
  const old = await pid();
  await host.kill(Number(old), 'SIGKILL');
  await waitFor('a new daemon', async () => !['0', old].includes(await pid()), { timeoutMs: 30_000 });
  await waitFor(
    'the tunnel',
    async () => {
      const status = await sandbox.cloud.run('curl', ['-s', 'http://127.0.0.1:9464/nodes/idc-1']);
      return /"connected":\s*true/.test(status.stdout);
    },
    { timeoutMs: 30_000 },
  );
  expect(await readyStatus(sandbox, 'idc-1')).toBe('True');
});

test('after leave and uninstall the host is as it was', async () => {
  await runPod(sandbox, 'left-running', 'idc-1');
  const left = await host.run('regnode', ['leave', '--yes'], { timeoutMs: 180_000 });
  expect(left, left.stdout + left.stderr).toMatchObject({ exitCode: 0 });
  expect(await readyStatus(sandbox, 'idc-1')).toBe('Absent');
  expect(JSON.parse(await regnodectl(sandbox, ['node', 'list', '--json'])).nodes).toEqual([]);
  const uninstalled = await host.run('/opt/regnode/uninstall.sh', [], { timeoutMs: 60_000 });
  expect(uninstalled, uninstalled.stdout + uninstalled.stderr).toMatchObject({ exitCode: 0 });
  expect(difference(before, await observe(host))).toEqual([]);
  const processes = (await host.run('ps', ['-eo', 'args'])).stdout;
  expect(processes).not.toMatch(/containerd|kubelet|regnode/);
});
