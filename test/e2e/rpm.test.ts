// The RPM on a host with a TencentOS identity: installed with rpm, joined to Ready by `regnode join`,
// upgraded and taken away and put back while it is a node, left, and gone without a trace. The host's
// userland is Debian's, so its RPM database is empty: a package of nothing provides what the RPM requires of
// the distribution, and rpm checks everything else itself.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { run } from '../../scripts/machine/command.ts';
import type { SandboxHost } from '../../scripts/sandbox/host.ts';
import { startReadySandbox } from '../../scripts/sandbox/ready.ts';
import { poolName, regnodectl, waitForReady } from '../../scripts/sandbox/registration.ts';
import type { Sandbox } from '../../scripts/sandbox/sandbox.ts';
import { waitFor } from '../../scripts/sandbox/wait.ts';
import { difference, type Observation, observe } from './observation.ts';

const { version } = packageJson;
/** What el7's rpm 4.11 knows too: no newer feature may come in. */
const requirements = [
  '/bin/sh',
  'rpmlib(CompressedFileNames) <= 3.0.4-1',
  'rpmlib(FileDigests) <= 4.6.0-1',
  'rpmlib(PayloadFilesHavePrefix) <= 4.0-1',
  'rpmlib(PayloadIsXz) <= 5.2-1',
  'systemd',
];

/** What `token create` prints. */
interface Created {
  readonly token: string;
  readonly caSha256: string;
  readonly artifactKeySha256: string;
  readonly manifestSerial: number;
}

let sandbox: Sandbox;
let host: SandboxHost;
let folder: string;
let before: Observation;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'regnode-rpm-'));
  sandbox = await startReadySandbox({ name: 'e2e-rpm' });
  for (const release of ['1', '2']) {
    const args = ['scripts/build/main.ts', '--out', folder, '--release', release];
    await run(process.execPath, args, { timeoutMs: 300_000 });
  }
  host = await sandbox.addHost({ name: 'idc-1', identity: 'tencentos-3.1' });
  await host.copyIn(await distributionPackage(), '/root/distribution.rpm');
  for (const release of ['1', '2']) {
    await host.copyIn(
      join(folder, `regnode-${version}-${release}.x86_64.rpm`),
      `/root/regnode-${release}.rpm`,
    );
  }
  await inHost('rpm', ['-i', '/root/distribution.rpm']);
  before = await observed();
});
afterAll(async () => {
  await sandbox?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** A command in the host that must succeed; what it printed. */
async function inHost(command: string, args: readonly string[], timeoutMs = 60_000): Promise<string> {
  const result = await host.run(command, args, { timeoutMs });
  expect(result.exitCode, `${command} ${args.join(' ')}\n${result.stdout}${result.stderr}`).toBe(0);
  return result.stdout;
}

async function observed(): Promise<Observation> {
  const seen = await observe(host);
  return { ...seen, files: seen.files.filter((line) => !line.startsWith('/var/lib/rpm')) };
}

async function distributionPackage(): Promise<string> {
  const spec = join(folder, 'distribution.spec');
  const lines = ['Name: distribution', 'Version: 1', 'Release: 1', 'Summary: What the distribution provides'];
  const more = [
    'License: none',
    'Provides: /bin/sh',
    'Provides: systemd',
    '%description',
    'Nothing.',
    '%files',
  ];
  await writeFile(spec, `${[...lines, ...more].join('\n')}\n`);
  await run('rpmbuild', ['-bb', '--quiet', '--define', `_topdir ${folder}`, '--target', 'noarch', spec]);
  return join(folder, 'RPMS/noarch/distribution-1-1.noarch.rpm');
}

async function mainPid(): Promise<string> {
  return (await inHost('systemctl', ['show', '--property=MainPID', '--value', 'regnode.service'])).trim();
}

function waitForTunnel(): Promise<boolean> {
  const isConnected = async () => {
    const status = await sandbox.cloud.run('curl', ['-s', `${sandbox.cloud.statusUrl}/nodes/idc-1`]);
    return /"connected":\s*true/.test(status.stdout);
  };
  return waitFor('the tunnel', isConnected, { timeoutMs: 60_000 });
}

test('it requires nothing that el7 lacks', async () => {
  const listed = await inHost('rpm', ['-qp', '--requires', '/root/regnode-1.rpm']);
  expect([...new Set(listed.trim().split('\n'))].sort()).toEqual([...requirements].sort());
});

test('rpm installs it; nothing starts by itself', async () => {
  await inHost('rpm', ['-i', '/root/regnode-1.rpm'], 120_000);
  expect(await inHost('regnode', ['version'])).toContain(version);
  expect(await inHost('readlink', ['-f', '/usr/bin/regnode'])).toBe('/opt/regnode/bin/regnode\n');
  expect(await inHost('rpm', ['-V', 'regnode'])).toBe('');
  expect((await host.run('systemctl', ['is-enabled', 'regnode'])).stdout).toBe('disabled\n');
  expect((await host.run('systemctl', ['is-active', 'regnode'])).stdout).toBe('inactive\n');
});

test('a start before the join is passed over, not repeated', async () => {
  await inHost('systemctl', ['start', 'regnode']);
  expect((await host.run('systemctl', ['is-active', 'regnode'])).stdout).toBe('inactive\n');
  expect(await inHost('systemctl', ['show', '--property=NRestarts', '--value', 'regnode'])).toBe('0\n');
});

test('preflight gives its verdict', async () => {
  const result = await host.run('regnode', ['preflight', '--json'], { timeoutMs: 60_000 });
  expect([0, 3], result.stderr).toContain(result.exitCode);
  expect(JSON.parse(result.stdout)).toBeTypeOf('object');
});

test('install.sh does not touch it', async () => {
  await host.copyIn('installer/install.sh', '/root/install.sh');
  const args = ['/root/install.sh', '--gateway', sandbox.cloud.gatewayUrl, '--no-join'];
  const ca = [
    '--ca-sha256',
    (await inHost('sh', ['-c', `curl -fsk ${sandbox.cloud.gatewayUrl}/cacert | sha256sum`])).slice(0, 64),
    '--artifact-key-sha256',
    (JSON.parse(await regnodectl(sandbox, ['token', 'create', '--pool', poolName, '--json'])) as Created)
      .artifactKeySha256,
  ];
  const result = await host.run('sh', [...args, ...ca]);
  expect(result.stderr).toContain('[fail] OTHER_INSTALLATION: ');
  expect(await inHost('rpm', ['-V', 'regnode'])).toBe('');
  await inHost('rm', ['/root/install.sh']);
});

test('it joins to Ready', async () => {
  const answer = await regnodectl(sandbox, ['token', 'create', '--pool', poolName, '--json']);
  const { token, caSha256, artifactKeySha256, manifestSerial } = JSON.parse(answer) as Created;
  const script = [
    'set -e',
    'cd /run && umask 077',
    `curl -fsSk -o ca.pem ${sandbox.cloud.gatewayUrl}/cacert`,
    `echo "${caSha256}  ca.pem" | sha256sum -c --quiet`,
    `echo ${token} >token`,
    `regnode join --gateway ${sandbox.cloud.gatewayUrl} --ca-file ca.pem --artifact-key-sha256 ${artifactKeySha256} --manifest-serial ${manifestSerial} --token-file token </dev/null`,
    'rm ca.pem token',
  ].join('\n');
  const joined = await host.run('sh', ['-s'], { input: `${script}\n`, timeoutMs: 300_000 });
  expect(joined, joined.stdout + joined.stderr).toMatchObject({ exitCode: 0 });
  await waitForReady(sandbox, 'idc-1');
  await waitForTunnel();
});

test('an upgrade replaces the running agent, and keeps the identity and the edited configuration', async () => {
  const old = await mainPid();
  await inHost('sh', ['-c', 'echo "# mine" >>/etc/regnode/environment']);
  const identity = await inHost('sha256sum', [
    '/var/lib/regnode/identity/key.pem',
    '/etc/regnode/agent.json',
  ]);
  await inHost('rpm', ['-U', '/root/regnode-2.rpm'], 120_000);
  expect(await inHost('rpm', ['-q', 'regnode'])).toContain(`${version}-2`);
  const replaced = async () => {
    const now = await mainPid();
    return now !== old && now !== '0' && now;
  };
  const pid = await waitFor('another agent', replaced, { timeoutMs: 30_000 });
  expect(await inHost('readlink', [`/proc/${pid}/exe`])).toBe('/opt/regnode/bin/node\n');
  expect(await inHost('sha256sum', ['/var/lib/regnode/identity/key.pem', '/etc/regnode/agent.json'])).toBe(
    identity,
  );
  expect(await inHost('tail', ['-n', '1', '/etc/regnode/environment'])).toBe('# mine\n');
  await waitForTunnel();
  await waitForReady(sandbox, 'idc-1');
});

test('taken away from a node, the workloads stay; put back, the agent goes on', async () => {
  const erased = await host.run('rpm', ['-e', 'regnode'], { timeoutMs: 60_000 });
  expect(erased.stderr).toContain('this host is still a node of its cluster');
  expect(erased.exitCode).toBe(0);
  expect(await inHost('systemctl', ['is-active', 'kubelet', 'containerd'])).toBe('active\nactive\n');
  await inHost('test', ['-e', '/var/lib/regnode/journal']);
  await inHost('rpm', ['-i', '/root/regnode-2.rpm'], 120_000);
  await waitForTunnel();
  await waitForReady(sandbox, 'idc-1');
});

test('after leave and rpm -e the host is as it was', async () => {
  await inHost('regnode', ['leave', '--yes'], 180_000);
  await inHost('rpm', ['-e', 'regnode']);
  await inHost('rm', ['-f', '/etc/regnode/environment.rpmsave']);
  await inHost('sh', ['-c', 'rmdir /etc/regnode 2>/dev/null || true']);
  expect(difference(before, await observed())).toEqual([]);
});
