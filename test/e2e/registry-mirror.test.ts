// Images through the mirrors of a pool: a registry that nobody can reach is asked for at the mirror,
// over TLS with the pool's own root; a mirror that is away is passed over; and a pool's change reaches
// a joined host without touching what runs there. There too: containerd and systemd take what our
// encoders wrote as it was meant.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'smol-toml';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { assignment, command, unitFile, words } from '../../protocol/formats/systemd.ts';
import { output, run } from '../../scripts/machine/command.ts';
import { silentProgress } from '../../scripts/machine/progress.ts';
import type { SandboxHost } from '../../scripts/sandbox/host.ts';
import { writeBusyboxImage } from '../../scripts/sandbox/images.ts';
import { cloudAddress, cloudMember } from '../../scripts/sandbox/line.ts';
import { startDaemon } from '../../scripts/sandbox/namespaces.ts';
import { runPod } from '../../scripts/sandbox/pod.ts';
import { startReadySandbox } from '../../scripts/sandbox/ready.ts';
import {
  createJoinCommand,
  kubectl,
  pasteJoinCommand,
  regnodectl,
  resource,
  startGatewayAndPool,
  waitForReady,
} from '../../scripts/sandbox/registration.ts';
import type { Sandbox } from '../../scripts/sandbox/sandbox.ts';
import { sandboxSoftware } from '../../scripts/sandbox/software.ts';
import { waitFor } from '../../scripts/sandbox/wait.ts';

const registry = 'images.example.com';
const mirror = `https://${cloudAddress}:5443`;
const nobody = `https://${cloudAddress}:5999`;
const patience = { timeoutMs: 180_000, intervalMs: 1000 };

let sandbox: Sandbox;
let host: SandboxHost;
let log: string;

beforeAll(async () => {
  sandbox = await startReadySandbox({ name: 'e2e-registry-mirror', gateway: false });
  const { files } = sandbox.cloud;
  const certificate = join(files.folder, 'mirror.pem');
  const key = join(files.folder, 'mirror-key.pem');
  await output('openssl', [
    ...['req', '-x509', '-nodes', '-days', '30', '-subj', '/CN=mirror', '-out', certificate, '-keyout', key],
    ...[
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-addext',
      `subjectAltName=IP:${cloudAddress}`,
    ],
  ]);
  const tar = join(files.folder, 'image.tar');
  const archive = join(files.folder, 'image');
  await writeBusyboxImage(tar, (await sandboxSoftware(silentProgress)).busybox);
  await mkdir(archive);
  await output('tar', ['-xf', tar, '-C', archive]);
  // Unlike the image that every host gets beforehand, so there is something to fetch.
  const [image] = JSON.parse(await readFile(join(archive, 'manifest.json'), 'utf8')) as { Config: string }[];
  const configuration = join(archive, image?.Config ?? '');
  const content = JSON.parse(await readFile(configuration, 'utf8')) as object;
  await writeFile(configuration, JSON.stringify({ ...content, author: 'the mirror' }));
  log = join(files.logs, 'registry.log');
  const server = join(import.meta.dirname, 'registry-server.ts');
  const args = [server, cloudAddress, '5443', certificate, key, archive];
  await startDaemon(sandbox.id, cloudMember, process.execPath, args, { logFile: log, cwd: process.cwd() });
  await startGatewayAndPool(sandbox, [
    ...['--registry-mirror', `${registry}=${nobody}`],
    ...['--registry-mirror', `${registry}=${mirror}`],
    ...['--registry-ca', `${registry}=${certificate}`],
  ]);
  host = await sandbox.addHost({ name: 'idc-1' });
  const joined = await pasteJoinCommand(host, await createJoinCommand(sandbox));
  expect(joined, joined.stdout + joined.stderr).toMatchObject({ exitCode: 0 });
  await waitForReady(sandbox, 'idc-1');
  await runPod(sandbox, 'before', 'idc-1');
});
afterAll(() => sandbox?.stop());

const pulling = (name: string, image: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: {
    nodeSelector: { 'kubernetes.io/hostname': 'idc-1' },
    terminationGracePeriodSeconds: 1,
    containers: [
      {
        name: 'main',
        image,
        imagePullPolicy: 'Always',
        command: ['sh', '-c', 'echo pulled; exec sleep 3600'],
      },
    ],
  },
});
const apply = (pod: object) => kubectl(sandbox, ['apply', '-f', '-'], JSON.stringify(pod));
const status = async (name: string) =>
  (await kubectl(sandbox, ['get', 'pod', name, '-o', 'jsonpath={.status.containerStatuses[0]}'])) || '{}';
const waitUntilRunning = (name: string) =>
  waitFor(`${name} to run`, async () => (await status(name)).includes('"running"'), {
    ...patience,
    detail: async () => `${await status(name)}\n${await kubectl(sandbox, ['describe', 'pod', name])}`,
  });
const asked = async () => (await run('cat', [log])).stdout;

test('an image that only the mirror has is pulled there, past a mirror that is away', async () => {
  await apply(pulling('pulled', `${registry}/team/tool:1`));
  await waitUntilRunning('pulled');
  expect(await kubectl(sandbox, ['logs', 'pulled'])).toBe('pulled\n');
  expect(await asked()).toMatch(/GET \/v2\/team\/tool\/blobs\/sha256:\S+ ns=images\.example\.com/);
});

test('a mirror that is taken from the pool is asked no more, and what runs is left alone', async () => {
  const id = async (name: string) => /"containerID":"([^"]+)"/.exec(await status(name))?.[1];
  const ids = [await id('before'), await id('pulled')];
  const pid = (await host.run('systemctl', ['show', '-p', 'MainPID', '--value', 'containerd'])).stdout;
  await regnodectl(sandbox, ['pool', 'set', 'idc', '--registry-mirror', `${registry}=${nobody}`]);
  const configured = async () =>
    (await host.run('cat', [`/etc/containerd/certs.d/${registry}/hosts.toml`])).stdout;
  await waitFor('the change on the host', async () => !(await configured()).includes(mirror), patience);
  await apply(pulling('waits', `${registry}/team/tool:2`));
  const refused = async () => /ErrImagePull|ImagePullBackOff/.test(await status('waits'));
  await waitFor('the pull to be refused', refused, patience);
  expect(await asked()).not.toContain('/manifests/2');

  await regnodectl(sandbox, ['pool', 'set', 'idc', '--registry-mirror', `${registry}=${mirror}`]);
  await waitUntilRunning('waits');
  expect([await id('before'), await id('pulled')]).toEqual(ids);
  expect((await host.run('systemctl', ['show', '-p', 'MainPID', '--value', 'containerd'])).stdout).toBe(pid);
});

test('containerd has what was configured, by its own parser', async () => {
  const dumped = await host.run('/opt/regnode/components/containerd/current/bin/containerd', [
    ...['--config', '/etc/containerd/config.toml', 'config', 'dump'],
  ]);
  expect(dumped, dumped.stderr).toMatchObject({ exitCode: 0 });
  const pool = (await resource(sandbox, 'nodepool', 'idc')) as {
    spec: { containerd: { sandboxImage: string } };
  };
  const { plugins } = parse(dumped.stdout) as {
    plugins: Record<string, { sandbox_image?: string; pinned_images?: { sandbox: string } }>;
  };
  const images = Object.values(plugins).flatMap((plugin) => [
    plugin.sandbox_image,
    plugin.pinned_images?.sandbox,
  ]);
  expect(images).toContain(pool.spec.containerd.sandboxImage);
});

test('a unit runs its command with the arguments and variables that were meant, whatever stands in them', async () => {
  const args = [
    'a b',
    '"',
    "'",
    '\\',
    '$HOME',
    '$$',
    '$'.concat('{X}'),
    '%n',
    '%%',
    ';',
    '',
    '~',
    '#',
    '\\x41',
    '中文 😀',
    '-n',
  ];
  const script = 'printf "%s\\0" "$TEXT" "$@" >/run/encoded';
  const unit = unitFile('Written by a test', {
    Service: [
      ['Type', words('oneshot')],
      ['Environment', assignment('TEXT', args.join(' '))],
      ['ExecStart', command('/bin/sh', '-c', script, 'sh', ...args)],
    ],
  });
  const write = await host.run('tee', ['/run/systemd/system/encoded.service'], { input: unit });
  expect(write.exitCode).toBe(0);
  const started = await host.run('bash', ['-c', 'systemctl daemon-reload && systemctl start encoded']);
  expect(started, started.stderr).toMatchObject({ exitCode: 0 });
  const said = (await host.run('cat', ['/run/encoded'])).stdout;
  expect(said.split('\0').slice(0, -1)).toEqual([args.join(' '), ...args]);
});
