// A node's certificate on a real host, with a life of seconds instead of 90 days: renewed under a running
// stream, the CA rotated while joined, renewed after a power cut past its end, and refused at once when the
// node is removed. The steps build on each other.
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SandboxHost } from '../../scripts/sandbox/host.ts';
import { runPod } from '../../scripts/sandbox/pod.ts';
import { startReadySandbox } from '../../scripts/sandbox/ready.ts';
import {
  createJoinCommand,
  createPool,
  kubectl,
  pasteJoinCommand,
  poolName,
  regnodectl,
} from '../../scripts/sandbox/registration.ts';
import type { Sandbox } from '../../scripts/sandbox/sandbox.ts';
import { waitFor } from '../../scripts/sandbox/wait.ts';

const lifetimeMs = 20_000;
const checkout = new URL('../..', import.meta.url).pathname;
const identity = '/var/lib/regnode/identity';
let sandbox: Sandbox;
let host: SandboxHost;
let auditFile: string;

interface Line {
  readonly event: string;
  readonly outcome?: string;
  readonly code?: string;
  readonly expired?: boolean;
}

const audited = async (event: string) =>
  (await readFile(auditFile, 'utf8'))
    .split('\n')
    .filter((line) => line.includes(`"${event}"`))
    .map((line) => JSON.parse(line) as Line);
const serials = async (): Promise<string[]> => {
  const node = JSON.parse(await kubectl(sandbox, ['get', 'registerednode', 'idc-1', '-o', 'json']));
  return node.status.certificateSerials;
};
const connected = async () => {
  const status = await sandbox.cloud.run('curl', ['-s', `${sandbox.cloud.statusUrl}/nodes/idc-1`]);
  return /"connected":\s*true/.test(status.stdout);
};
const metric = async (name: string) => {
  const { stdout } = await sandbox.cloud.run('curl', ['-s', `${sandbox.cloud.statusUrl}/metrics`]);
  const line = stdout.split('\n').find((text) => text.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1));
};
const rootsOnHost = async () => (await host.run('sha256sum', [`${identity}/ca.pem`])).stdout.slice(0, 64);
const rootsServed = async () =>
  (
    await sandbox.cloud.run('sh', ['-c', `curl -sk ${sandbox.cloud.gatewayUrl}/cacert | sha256sum`])
  ).stdout.slice(0, 64);

beforeAll(async () => {
  sandbox = await startReadySandbox({ name: 'e2e-certificates', gateway: false });
  const { cloud } = sandbox;
  auditFile = join(cloud.files.logs, 'audit-certificates.jsonl');
  await cloud.startGateway(['--certificate-lifetime', `${lifetimeMs / 1000}s`, '--audit-file', auditFile]);
  await createPool(sandbox, poolName);
  host = await sandbox.addHost({ name: 'idc-1' });
  const joined = await pasteJoinCommand(host, await createJoinCommand(sandbox));
  expect(joined, joined.stdout + joined.stderr).toMatchObject({ exitCode: 0 });
  await runPod(sandbox, 'counter', 'idc-1');
});
afterAll(() => sandbox?.stop());

test('a certificate is renewed under a running stream, and no number of it is lost', async () => {
  const before = await serials();
  const script = 'i=0; while [ $i -lt 250 ]; do echo $i; i=$((i+1)); sleep 0.1; done';
  const stream = kubectl(sandbox, ['exec', 'counter', '--', 'sh', '-c', script]);
  await waitFor(
    'a new certificate in use',
    async () => {
      const now = await serials();
      return now.length === 1 && !before.includes(now[0] ?? '');
    },
    { timeoutMs: lifetimeMs + 20_000 },
  );
  expect(await connected()).toBe(true);
  expect((await stream).split('\n').filter((line) => line !== '')).toEqual(
    Array.from({ length: 250 }, (_, n) => String(n)),
  );
  expect(await host.logs('regnode')).toContain('certificate renewed');
  expect((await host.run('regnode', ['status'])).stdout).toMatch(/\[ok\] +certificate +good until 20/);
});

test('the CA is rotated while the node is joined: it trusts both roots and gets a certificate of the new one', async () => {
  const { cloud } = sandbox;
  const old = await rootsOnHost();
  expect(old).toBe(await rootsServed());
  const rotate = [
    'gateway/main.ts',
    'ca',
    'rotate',
    '--kubeconfig',
    cloud.adminKubeconfig,
    '--overlap',
    '1h',
  ];
  const rotated = await cloud.run(process.execPath, [...rotate, '--json'], { cwd: checkout });
  expect(rotated, rotated.stderr).toMatchObject({ exitCode: 0 });
  const { caSha256 } = JSON.parse(rotated.stdout) as { caSha256: string };
  await waitFor('the new roots on the host', async () => (await rootsOnHost()) === caSha256, {
    timeoutMs: 25_000,
  });
  expect(await rootsServed()).toBe(caSha256);
  expect(await createJoinCommand(sandbox)).toContain(caSha256);
  const issuer = async () => (await host.run('cat', [`${identity}/certificate.pem`])).stdout;
  const newest = new X509Certificate((await host.run('cat', [`${identity}/ca.pem`])).stdout);
  await waitFor(
    'a certificate of the new root',
    async () => new X509Certificate(await issuer()).checkIssued(newest),
    { timeoutMs: 15_000 },
  );
  await waitFor('the tunnel', connected, { timeoutMs: 10_000 });
});

test('a host that was off when its certificate expired comes back within the grace', async () => {
  const [serial] = await serials();
  await host.powerOff();
  await new Promise((resolve) => setTimeout(resolve, lifetimeMs + 2000)); // the certificate's own life
  await host.powerOn();
  await waitFor('the tunnel', connected, { timeoutMs: 60_000, detail: () => host.logs('regnode') });
  expect(await serials()).not.toContain(serial);
  const renewals = await audited('renewal');
  expect(renewals.filter(({ outcome, expired }) => outcome === 'accepted' && expired)).not.toEqual([]);
});

test('a removed node is refused at once, and its tunnel closed', async () => {
  await host.freeze('regnode'); // it must not leave by itself: this is about one that would not
  await regnodectl(sandbox, ['node', 'remove', 'idc-1', '--force', '--yes']);
  await waitFor('the tunnel to be closed', async () => (await metric('regnode_gateway_tunnels')) === 0, {
    timeoutMs: 3000,
    intervalMs: 100,
  });
  await host.thaw('regnode');
  await waitFor(
    'a refusal',
    async () => (await audited('certificate')).some(({ code }) => code === 'NODE_NOT_REGISTERED'),
    { timeoutMs: 60_000 },
  );
  expect(await metric('regnode_gateway_tunnels')).toBe(0);
  const refusals = 'regnode_gateway_refused_certificates_total{code="NODE_NOT_REGISTERED"}';
  expect(await metric(refusals)).toBeGreaterThan(0);
});
