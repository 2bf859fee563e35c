// A host whose line has no way to the API server: the gateway's port is all that it reaches, and its kubelet
// reaches the API server through the agent. The way is closed before the join and never opened.
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SandboxHost } from '../../scripts/sandbox/host.ts';
import { runPod } from '../../scripts/sandbox/pod.ts';
import { startReadySandbox } from '../../scripts/sandbox/ready.ts';
import {
  createJoinCommand,
  kubectl,
  pasteJoinCommand,
  readyStatus,
  waitForReady,
} from '../../scripts/sandbox/registration.ts';
import type { Sandbox } from '../../scripts/sandbox/sandbox.ts';
import { waitFor } from '../../scripts/sandbox/wait.ts';

interface Lease {
  readonly renewTime: string;
  readonly leaseDurationSeconds: number;
}

let sandbox: Sandbox;
let host: SandboxHost;
let readySinceMs: number;
let first: Lease;
/** Every status of Ready that was looked at since then. */
const seen = new Set<string>();

beforeAll(async () => {
  sandbox = await startReadySandbox({
    name: 'e2e-api-through-tunnel',
    pool: ['--api-server-access', 'tunnel'],
  });
  host = await sandbox.addHost({ name: 'idc-1', identity: 'tencentos-3.1' });
  const closed = [
    'INPUT',
    '--source',
    host.address,
    '--protocol',
    'tcp',
    '--dport',
    '6443',
    '--jump',
    'DROP',
  ];
  expect(await sandbox.cloud.run('iptables', ['--insert', ...closed])).toMatchObject({ exitCode: 0 });
});
afterAll(() => sandbox?.stop());

/** curl's exit code: 0 answered, 7 refused, 28 no answer. */
async function reach(url: string, limitSeconds = 3): Promise<number | null> {
  const limit = ['--max-time', `${limitSeconds}`];
  const args = ['--silent', '--insecure', '--output', '/dev/null', ...limit, url];
  return (await host.run('curl', args)).exitCode;
}

const lease = async () => {
  const read = ['get', 'lease', 'idc-1', '--namespace', 'kube-node-lease', '--output', 'json'];
  return JSON.parse(await kubectl(sandbox, read)).spec as Lease;
};
const kubeletPid = async () =>
  (await host.run('systemctl', ['show', '--property=MainPID', '--value', 'kubelet'])).stdout.trim();

test('the host reaches the gateway, and not the API server', async () => {
  expect(await reach(`${sandbox.cloud.apiServerUrl}/healthz`)).toBe(28);
  expect(await reach(`${sandbox.cloud.gatewayUrl}/healthz`)).toBe(0);
});

test('it joins and becomes Ready', async () => {
  const startedMs = performance.now();
  const joined = await pasteJoinCommand(host, await createJoinCommand(sandbox));
  expect(joined, joined.stdout + joined.stderr).toMatchObject({ exitCode: 0 });
  await waitForReady(sandbox, 'idc-1');
  readySinceMs = performance.now();
  // The kubelet has asked for it in vain until it had its certificate, and asks with pauses of up to 7 s.
  first = await waitFor('its lease', () => lease().catch(() => undefined), { timeoutMs: 30_000 });
  console.log(`joined in ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
  expect(await reach(`${sandbox.cloud.apiServerUrl}/healthz`)).toBe(28);
  expect(await reach('https://127.0.0.1:294/healthz')).toBe(0);
});

test('the kubelet dials the agent alone, and asks for the certificate of the API server', async () => {
  for (const file of ['bootstrap-kubelet.conf', 'kubelet-access.conf']) {
    const kubeconfig = await readFile(host.path(`/etc/kubernetes/${file}`), 'utf8');
    expect(kubeconfig).toContain('server: "https://127.0.0.1:294"');
    expect(kubeconfig).toContain('tls-server-name: "10.77.0.1"');
  }
  const connections = (await host.run('ss', ['-tnp', 'state', 'established'])).stdout;
  const ofKubelet = connections.split('\n').filter((line) => line.includes('"kubelet"'));
  expect(ofKubelet.some((line) => line.includes('127.0.0.1:294'))).toBe(true);
  expect(ofKubelet.filter((line) => line.includes(':6443'))).toEqual([]);
});

test('a pod runs; its logs and a command in it come back', async () => {
  await runPod(sandbox, 'talker', 'idc-1');
  expect(await kubectl(sandbox, ['exec', 'talker', '--', 'echo', 'hello'])).toBe('hello\n');
  const logs = async () => /line 2 on idc-1/.test(await kubectl(sandbox, ['logs', 'talker']));
  await waitFor('log lines', logs, { timeoutMs: 20_000 });
});

test('a kubelet that is restarted comes back the same way', async () => {
  expect((await host.run('systemctl', ['restart', 'kubelet'])).exitCode).toBe(0);
  const begun = (await lease()).renewTime;
  await waitFor('a renewed lease', async () => (await lease()).renewTime > begun, { timeoutMs: 60_000 });
  // A kubelet that has just begun may say of itself that it isn't Ready, once: until it has
  // asked the container runtime.
  const path = '{.status.conditions[?(@.type=="Ready")].lastHeartbeatTime}';
  const told = async () =>
    Date.parse(await kubectl(sandbox, ['get', 'node', 'idc-1', '-o', `jsonpath=${path}`])) >
      Date.parse(begun) && (await readyStatus(sandbox, 'idc-1')) === 'True';
  await waitFor('it to be Ready by its own word', told, { timeoutMs: 60_000 });
});

test('its lease is kept up and it stays Ready, for longer than a lease lasts', async () => {
  const look = async () => {
    seen.add(await readyStatus(sandbox, 'idc-1'));
    return performance.now() - readySinceMs > (first.leaseDurationSeconds + 5) * 1000;
  };
  await waitFor('more than one lease period', look, { timeoutMs: 120_000, intervalMs: 2000 });
  expect([...seen]).toEqual(['True']);
  const gainedMs = Date.parse((await lease()).renewTime) - Date.parse(first.renewTime);
  expect(gainedMs).toBeGreaterThan(first.leaseDurationSeconds * 1000 - 10_000);
});

test("another user of the host can't listen in the agent's place", async () => {
  const listenAs = (uid: number, port: number) => {
    const listening = ['timeout', '2', 'socat', '-u', `TCP-LISTEN:${port},bind=127.0.0.1`, 'STDOUT'];
    return host.run('setpriv', [`--reuid=${uid}`, '--clear-groups', ...listening]);
  };
  expect(await listenAs(65534, 16_443), 'a port as others').toMatchObject({ exitCode: 124 });
  expect((await listenAs(65534, 294)).stderr).toContain('Permission denied');
  expect((await listenAs(0, 294)).stderr).toContain('Address already in use');
});

test('another user of the host, who takes all connections that there are, keeps the kubelet from nothing', async () => {
  const linesOf = async () =>
    (await host.run('journalctl', ['--unit=regnode', '--output=cat', '--no-pager'])).stdout.split('\n')
      .length;
  const before = await linesOf();
  const begun = Date.now();
  // Again and again: each is reset as soon as it is seen.
  const script =
    'for round in {1..40}; do for place in {1..70}; do exec {place}<>/dev/tcp/127.0.0.1/294; done; sleep 1; done 2>/dev/null';
  const taking = ['--unit=taking', '--uid=65534', '--quiet', 'bash', '-c', script];
  expect(await host.run('systemd-run', taking)).toMatchObject({ exitCode: 0 });
  const states = new Set<string>();
  const reached: unknown[] = [];
  const during = async () => {
    states.add(await readyStatus(sandbox, 'idc-1'));
    // As patient as a kubelet; a slow machine is not what is asked about here.
    reached.push(await reach('https://127.0.0.1:294/healthz', 10));
    return Date.now() - begun > 45_000;
  };
  await waitFor('the end of it', during, { timeoutMs: 90_000, intervalMs: 2000 });
  await host.run('systemctl', ['stop', 'taking']);
  expect([...states]).toEqual(['True']);
  expect(new Set(reached), 'root dials anew among them').toEqual(new Set([0]));
  expect(Date.parse((await lease()).renewTime)).toBeGreaterThan(begun + 25_000);
  const log = (await host.run('journalctl', ['--unit=regnode', '--output=cat', '--no-pager'])).stdout;
  expect(log).toContain('of uid 65534');
  expect((await linesOf()) - before).toBeLessThan(100);
});

test('a gateway that is restarted is found again by the same kubelet', async () => {
  const pid = await kubeletPid();
  await sandbox.cloud.restartGateway();
  const { renewTime } = await lease();
  const startedMs = performance.now();
  await waitFor('a renewed lease', async () => (await lease()).renewTime > renewTime, {
    timeoutMs: 60_000,
    intervalMs: 250,
    detail: () => host.logs('kubelet').then((text) => text.slice(-4000)),
  });
  console.log(
    `lease renewed ${((performance.now() - startedMs) / 1000).toFixed(1)} s after the gateway was back`,
  );
  await waitForReady(sandbox, 'idc-1');
  await runPod(sandbox, 'after', 'idc-1');
  expect(await kubectl(sandbox, ['exec', 'after', '--', 'echo', 'again'])).toBe('again\n');
  expect(await kubeletPid()).toBe(pid);
});

test('both ends have written down who, what, when, how much and how it ended', async () => {
  const agent = (await host.run('journalctl', ['--unit=regnode', '--output=cat', '--no-pager'])).stdout;
  for (const text of [agent, await sandbox.cloud.gatewayLogs()]) {
    const records = text
      .split('\n')
      .filter((line) => line.includes('"api-server"') && line.includes('openedAt'))
      .map((line) => JSON.parse(line))
      .map((line) => (line.stream?.target === undefined ? line : line.stream));
    expect(records.length).toBeGreaterThan(0);
    expect(records.find(({ bytesFromTarget }) => bytesFromTarget > 0)).toMatchObject({
      node: 'idc-1',
      target: 'api-server',
      reason: expect.stringMatching(/^connection from 127\.0\.0\.1:\d+ on idc-1$/),
    });
  }
});

test('the host leaves by the same way', async () => {
  const left = await host.run('regnode', ['leave', '--yes'], { timeoutMs: 180_000 });
  expect(left, left.stdout + left.stderr).toMatchObject({ exitCode: 0 });
  expect(await readyStatus(sandbox, 'idc-1')).toBe('Absent');
  expect(await reach('https://127.0.0.1:294/healthz')).toBe(7);
  expect((await host.run('ls', ['/etc/kubernetes'])).stdout).toBe('');
});
