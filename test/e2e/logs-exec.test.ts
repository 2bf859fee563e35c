// Everything that kubectl does with a running pod, through the tunnel and only through it: the sandbox
// rejects every connection from the cloud to a host.
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runPod } from '../../scripts/sandbox/pod.ts';
import { startJoinedSandbox } from '../../scripts/sandbox/ready.ts';
import { kubectl, resource } from '../../scripts/sandbox/registration.ts';
import type { Sandbox } from '../../scripts/sandbox/sandbox.ts';
import { waitFor } from '../../scripts/sandbox/wait.ts';
import { LiveKubectl } from './live-kubectl.ts';

const quietMs = 40_000;

let sandbox: Sandbox;
let folder: string;
let quiet: LiveKubectl;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'regnode-logs-exec-'));
  ({ sandbox } = await startJoinedSandbox({ name: 'e2e-logs-exec' }));
  await Promise.all([
    runPod(sandbox, 'talker', 'idc-1'),
    runPod(sandbox, 'sleeper', 'idc-1', `echo waiting; sleep ${quietMs / 1000}; echo delivered; sleep 3600`),
    runPod(
      sandbox,
      'web',
      'idc-1',
      'mkdir /www; echo it came through > /www/page; exec httpd -f -p 8080 -h /www',
    ),
  ]);
  quiet = new LiveKubectl(sandbox, ['logs', '-f', 'sleeper']);
  await quiet.prints(/waiting/);
});
afterAll(async () => {
  await quiet?.stop();
  await sandbox?.stop();
  await rm(folder, { recursive: true, force: true });
});

test('logs -f brings each line when it is printed, and ends with its pod', async () => {
  await runPod(sandbox, 'short-lived', 'idc-1');
  const follow = new LiveKubectl(sandbox, ['logs', '-f', 'short-lived']);
  const [, first] = await follow.prints(/line (\d+) on idc-1/);
  await follow.prints(new RegExp(`line ${Number(first) + 5} on idc-1`));
  // Five seconds; on a busy machine some of them come late and close together.
  const [oldest, newest] = [follow.arrivals.at(-6), follow.arrivals.at(-1)].map((line) => line?.atMs ?? 0);
  expect((newest ?? 0) - (oldest ?? 0), 'a second apart, not all at once').toBeGreaterThan(1000);
  const numbers = follow.arrivals.map(({ line }) => Number(/^line (\d+) on/.exec(line)?.[1]));
  expect(numbers, 'none is missing').toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index));
  await kubectl(sandbox, ['delete', 'pod', 'short-lived', '--wait=false']);
  expect(await follow.ends()).toBe(0);
});

test('exec -it is a shell on a terminal: it echoes, has a size, and passes on the exit code', async () => {
  const shell = new LiveKubectl(sandbox, ['exec', '-it', 'talker', '--', 'sh'], { terminal: true });
  await shell.prints(/\/ # /);
  shell.type('tty; stty size; echo is-$((40+2))\r');
  await shell.prints(/\/dev\/pts\/\d+\s+31 97\s+is-42/);
  shell.type('echo asl""eep; sleep 1000\r');
  await shell.prints(/asleep/);
  shell.type('\u0003'); // Ctrl-C ends the sleep, and neither the shell nor kubectl
  shell.type('echo still-$((6*7))\r');
  await shell.prints(/still-42/);
  shell.type('exit 5\r');
  expect(await shell.ends()).toBe(5);
});

test('the end of standard input arrives while output goes on', async () => {
  const command = ['sh', '-c', 'n=$(cat | wc -c); sleep 2; echo counted $n'];
  const counting = new LiveKubectl(sandbox, ['exec', '-i', 'talker', '--', ...command]);
  counting.type('x'.repeat(300_000));
  counting.endInput();
  expect(await counting.ends()).toBe(0);
  expect(counting.text).toContain('counted 300000');
});

test('cp carries 20 MiB both ways', async () => {
  const bytes = randomBytes(20 * 1024 * 1024);
  const [there, back] = [join(folder, 'there'), join(folder, 'back')];
  await writeFile(there, bytes);
  await kubectl(sandbox, ['cp', there, 'talker:/tmp/file']);
  const inside = await kubectl(sandbox, ['exec', 'talker', '--', 'sha256sum', '/tmp/file']);
  expect(inside.split(' ')[0]).toBe(hashOf(bytes));
  await kubectl(sandbox, ['cp', 'talker:/tmp/file', back]);
  expect(hashOf(await readFile(back))).toBe(hashOf(bytes));
});

test('port-forward carries HTTP, one connection after the other', async () => {
  const forward = new LiveKubectl(sandbox, ['port-forward', 'pod/web', ':8080']);
  try {
    const [, port] = await forward.prints(/Forwarding from 127\.0\.0\.1:(\d+)/);
    for (const path of ['page', 'absent', 'page']) {
      const answer = await sandbox.cloud.run('curl', [
        '-s',
        '--max-time',
        '10',
        `http://127.0.0.1:${port}/${path}`,
      ]);
      expect(answer).toMatchObject({ exitCode: 0 });
      expect(answer.stdout).toContain(path === 'page' ? 'it came through\n' : '404');
    }
  } finally {
    await forward.stop();
  }
});

test('the kubelet is asked for its metrics', async () => {
  const path = '/api/v1/nodes/idc-1/proxy/metrics/resource';
  const metrics = await kubectl(sandbox, ['get', '--raw', path]);
  expect(metrics).toMatch(/^node_memory_working_set_bytes \S+/m);
});

test('thirty commands at a time each get their own answer', async () => {
  const numbers = Array.from({ length: 30 }, (_, index) => index);
  const answers = await Promise.all(
    numbers.map((number) =>
      sandbox.cloud.kubectl(['exec', '-i', 'talker', '--', 'sh', '-c', `cat; echo end ${number}`], {
        input: `begin ${number}\n`,
        timeoutMs: 120_000,
      }),
    ),
  );
  expect(answers.map(({ stdout, stderr }) => stdout || stderr)).toEqual(
    numbers.map((number) => `begin ${number}\nend ${number}\n`),
  );
});

test('a pod that was silent for 40 s is still followed', async () => {
  await quiet.prints(/delivered/, quietMs + 20_000);
  const [waiting, delivered] = quiet.arrivals.map(({ atMs }) => atMs);
  expect((delivered ?? 0) - (waiting ?? 0)).toBeGreaterThan(quietMs - 10_000);
  expect(quiet.exitCode).toBeUndefined();
});

test('no stream is left when nobody asks for anything', async () => {
  await quiet.stop();
  const open = async () => {
    const { stdout } = await sandbox.cloud.run('curl', ['-s', `${sandbox.cloud.statusUrl}/metrics`]);
    return /^regnode_gateway_tunnel_streams (\d+)/m.exec(stdout)?.[1];
  };
  // The API server keeps its connections to the kubelet for its next question; kubectl's own are gone.
  await waitFor('kubectl’s streams to end', async () => Number(await open()) <= 2, { timeoutMs: 20_000 });
});

test('a host that moves to another address: its registration, Node and serving certificate follow, and logs come', async () => {
  const [host] = sandbox.hosts;
  if (host === undefined) throw new Error('there is no host');
  const moved = '10.77.0.99';
  const script = [
    'ip address flush dev eth0 scope global',
    `ip address add ${moved}/24 dev eth0`,
    `ip route add default via ${sandbox.cloud.address}`,
  ];
  expect(await host.run('bash', ['-e', '-s'], { input: script.join('\n') })).toMatchObject({ exitCode: 0 });
  const registered = async () =>
    (await resource(sandbox, 'registerednode', 'idc-1')) as {
      spec: { addresses: string[] };
      status: { facts: { addresses: string[] }; conditions: { type: string; status: string }[] };
    };
  await waitFor('the registration to follow', async () => (await registered()).spec.addresses[0] === moved, {
    timeoutMs: 120_000,
  });
  const internal = [
    'get',
    'node',
    'idc-1',
    '-o',
    'jsonpath={.status.addresses[?(@.type=="InternalIP")].address}',
  ];
  await waitFor('the Node to follow', async () => (await kubectl(sandbox, internal)) === moved, {
    timeoutMs: 180_000,
  });
  const certificate = 'openssl x509 -noout -text -in /var/lib/kubelet/pki/kubelet-server-current.pem';
  await waitFor(
    'a serving certificate for the address',
    async () => (await host.run('bash', ['-c', certificate])).stdout.includes(`IP Address:${moved}`),
    {
      timeoutMs: 180_000,
      detail: () => kubectl(sandbox, ['get', 'csr', '-o', 'wide']),
    },
  );
  expect(await kubectl(sandbox, ['logs', 'talker', '--tail=1'])).toMatch(/line \d+ on idc-1/);
  const { status } = await registered();
  expect(status.facts.addresses[0]).toBe(moved);
  expect(status.conditions).toContainEqual(
    expect.objectContaining({
      type: 'AddressesOwned',
      status: 'True',
      message: expect.stringContaining(moved),
    }),
  );
  expect((await host.run('regnode', ['status'])).stdout).toMatch(/\[ok\] +addresses +10\.77\.0\.99/);
});

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
