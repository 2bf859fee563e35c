// Three hosts at once, one command for all: each becomes a node of its own, pods on them reach each other
// over the private line, and one that is removed from the cloud leaves by itself.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runPod } from '../../scripts/sandbox/pod.ts';
import { startReadySandbox } from '../../scripts/sandbox/ready.ts';
import {
  createJoinCommand,
  kubectl,
  pasteJoinCommand,
  poolName,
  readyStatus,
  regnodectl,
  resource,
  waitForReady,
} from '../../scripts/sandbox/registration.ts';
import type { Sandbox } from '../../scripts/sandbox/sandbox.ts';
import { waitFor } from '../../scripts/sandbox/wait.ts';

const names = ['idc-1', 'idc-2', 'idc-3'] as const;
let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await startReadySandbox({ name: 'e2e-join-three' });
  for (const name of names) {
    await sandbox.addHost({ name, identity: name === 'idc-3' ? 'tencentos-2.4' : 'tencentos-3.1' });
  }
});
afterAll(() => sandbox?.stop());

test('one token with three uses joins three hosts side by side', async () => {
  const command = await createJoinCommand(sandbox, ['--uses', '3']);
  const joined = await Promise.all(sandbox.hosts.map((host) => pasteJoinCommand(host, command)));
  for (const result of joined) expect(result, result.stdout + result.stderr).toMatchObject({ exitCode: 0 });
  await Promise.all(names.map((name) => waitForReady(sandbox, name)));
  const registered = await kubectl(sandbox, ['get', 'registerednodes', '-o', 'name']);
  expect(registered.trim().split('\n')).toHaveLength(3);
});

test('a fourth use is refused', async () => {
  const tokens = JSON.parse(await regnodectl(sandbox, ['token', 'list', '--json']));
  expect(JSON.stringify(tokens)).toMatch(/"usesLeft":\s*0/);
});

test('pods on different hosts answer each other', async () => {
  await Promise.all(names.map((name) => runPod(sandbox, `on-${name}`, name)));
  const address = (pod: string) => kubectl(sandbox, ['get', 'pod', pod, '-o', 'jsonpath={.status.podIP}']);
  await kubectl(sandbox, [
    'exec',
    'on-idc-2',
    '--',
    'sh',
    '-c',
    'mkdir -p /tmp/www && echo from idc-2 > /tmp/www/index.html && httpd -h /tmp/www -p 8080',
  ]);
  const request = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc ${await address('on-idc-2')} 8080`;
  const answer = await waitFor(
    'an answer from idc-2',
    async () => {
      const asked = await sandbox.cloud.kubectl(['exec', 'on-idc-1', '--', 'sh', '-c', request], {
        timeoutMs: 10_000,
      });
      return asked.stdout.includes('from idc-2') && asked.stdout;
    },
    { timeoutMs: 20_000 },
  );
  expect(answer).toContain('200 OK');
});

test('the whole pool is labelled at once', async () => {
  await regnodectl(sandbox, ['node', 'label', '--pool', 'idc', 'site=shenzhen']);
  const labelled = await kubectl(sandbox, ['get', 'nodes', '-l', 'site=shenzhen', '-o', 'name']);
  expect(labelled.trim().split('\n')).toHaveLength(3);
});

interface Rollout {
  readonly state: string;
  readonly generation: number;
  readonly failed: readonly { readonly node: string; readonly code: string }[];
}

/**
 * Changes the pool, and waits until its rollout stands still. One that is to be done may be
 * paused for a moment, as long as a host has not yet answered to the new settings and its last
 * word is that the old ones failed.
 */
async function setPool(
  end: 'Paused' | 'Done',
  ...flags: readonly string[]
): Promise<{ said: string; rollout: Rollout }> {
  const set = await sandbox.cloud.regnodectl(['pool', 'set', poolName, ...flags]);
  expect(set, set.stderr).toMatchObject({ exitCode: 0 });
  const told = async () => {
    const { metadata, status } = (await resource(sandbox, 'nodepool', poolName)) as {
      metadata: { generation: number };
      status: { rollout: Rollout };
    };
    const { rollout } = status;
    return rollout.generation === metadata.generation && rollout;
  };
  const isOver = async (rollout: Rollout) => {
    if (rollout.state === 'Paused') return end === 'Paused';
    const conditions = await kubectl(sandbox, [
      'get',
      'registerednodes',
      '-o',
      'jsonpath={.items[*].status.conditions[?(@.type=="Configured")].status}',
    ]);
    return rollout.state === 'Done' && conditions === 'True True True';
  };
  const rollout = await waitFor(
    `the rollout of ${flags.join(' ')}`,
    async () => {
      const now = await told();
      return now && (await isOver(now)) && now;
    },
    { timeoutMs: 300_000, intervalMs: 1000, detail: () => sandbox.host('idc-1').logs('regnode') },
  );
  return { said: set.stderr, rollout };
}

/**
 * By the machine's own clock, which all hosts have: when it started last, and how often systemd
 * started it again by itself.
 */
async function kubeletStart(name: string): Promise<{ atSeconds: number; pid: string }> {
  const { stdout } = await sandbox
    .host(name)
    .run('systemctl', ['show', 'kubelet', '--property=ExecMainStartTimestampMonotonic,MainPID']);
  const value = (property: string) => new RegExp(`^${property}=(\\d+)$`, 'm').exec(stdout)?.[1] ?? '';
  return { atSeconds: Number(value('ExecMainStartTimestampMonotonic')) / 1e6, pid: value('MainPID') };
}

test('a setting that a kubelet does not bear is taken back on one host, and comes to no other', async () => {
  const before = await Promise.all(names.map(kubeletStart));
  const { said, rollout } = await setPool('Paused', '--reserve', 'memory=900Gi');
  expect(said).toContain('a rollout (restarts kubelet): 1 node(s) at a time');
  expect(rollout).toMatchObject({ state: 'Paused', failed: [{ code: 'SETTINGS_UNHEALTHY' }] });
  // Whichever of the three had the first turn.
  const [{ node: refused } = { node: '' }] = rollout.failed;
  expect(names).toContain(refused);
  expect(rollout.failed).toHaveLength(1);
  await waitForReady(sandbox, refused);
  const after = await Promise.all(names.map(kubeletStart));
  for (const [index, name] of names.entries())
    if (name === refused) expect(after[index]).not.toEqual(before[index]);
    else expect(after[index]).toEqual(before[index]);
  const status = await sandbox.host(refused).run('regnode', ['status']);
  expect(status.stdout).toMatch(/\[fail\] upgrade .*settings: rolled-back \(SETTINGS_UNHEALTHY\)/);
});

test('a setting that restarts kubelets goes host by host, one that does not is there at once', async () => {
  const before = await Promise.all(names.map(kubeletStart));
  const { rollout } = await setPool('Done', '--reserve', 'memory=200Mi', '--max-pods', '50');
  expect(rollout).toMatchObject({ state: 'Done', failed: [] });
  const after = await Promise.all(names.map(kubeletStart));
  for (const [index, { pid }] of after.entries()) expect(pid).not.toBe(before[index]?.pid);
  // Each is watched for ten seconds before the next has its turn.
  const starts = after.map(({ atSeconds }) => atSeconds).toSorted((a, b) => a - b);
  for (const [index, start] of starts.entries())
    if (index > 0) expect(start - (starts[index - 1] ?? 0), starts.join(', ')).toBeGreaterThanOrEqual(10);
  const pods = await kubectl(sandbox, ['get', 'nodes', '-o', 'jsonpath={.items[*].status.capacity.pods}']);
  expect(pods).toBe('50 50 50');
  const { said } = await setPool('Done', '--label', 'rack=7', '--taint', 'maintenance:PreferNoSchedule');
  expect(said).toContain('applied at once');
  expect(await Promise.all(names.map(kubeletStart))).toEqual(after);
});

test('a node that is removed in the cloud leaves by itself, and nothing runs on it any more', async () => {
  await regnodectl(sandbox, ['node', 'remove', 'idc-3']);
  expect(await readyStatus(sandbox, 'idc-3')).toBe('Absent');
  const host = sandbox.host('idc-3');
  await waitFor(
    'idc-3 to be clean',
    async () => {
      const state = await host.run('sh', [
        '-c',
        'ls /etc/regnode /var/lib/regnode /etc/systemd/system/kubelet.service 2>/dev/null; ps -eo comm | grep -E "containerd|kubelet|pause"',
      ]);
      return state.stdout.trim() === '';
    },
    { timeoutMs: 60_000, intervalMs: 500 },
  );
  expect(await readyStatus(sandbox, 'idc-1')).toBe('True');
});
