// Three hosts at once, one command for all: each becomes a node of its own, pods on them reach each other over
// the private line, and one that is removed from the cloud leaves by itself.
import { afterAll, beforeAll, expect, test } from 'vitest';
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
