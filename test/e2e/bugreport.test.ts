// A bug report of a real node: secrets are planted where a real host has them (files, units' logs, proxies,
// mounts' neighbours), and the one file that comes out holds what a maintainer needs and none of them.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '../../scripts/machine/command.ts';
import type { SandboxHost } from '../../scripts/sandbox/host.ts';
import { startReadySandbox } from '../../scripts/sandbox/ready.ts';
import { createJoinCommand, pasteJoinCommand, waitForReady } from '../../scripts/sandbox/registration.ts';
import type { Sandbox } from '../../scripts/sandbox/sandbox.ts';
import { planted } from '../unit/agent/bugreport/planted.ts';
import { difference, observe } from './observation.ts';

let sandbox: Sandbox;
let host: SandboxHost;
let folder: string;
let joinToken: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'regnode-bugreport-'));
  sandbox = await startReadySandbox({ name: 'e2e-bugreport' });
  host = await sandbox.addHost({ name: 'idc-1' });
  const command = await createJoinCommand(sandbox);
  joinToken = /rt-[a-z0-9]{6}\.([a-z0-9]{32})/.exec(command)?.[1] ?? '?';
  const joined = await pasteJoinCommand(host, command);
  expect(joined, joined.stdout + joined.stderr).toMatchObject({ exitCode: 0 });
  await waitForReady(sandbox, 'idc-1');
});
afterAll(async () => {
  await sandbox?.stop();
  await rm(folder, { recursive: true, force: true });
});

test('secrets of every kind, in logs and files of a real host, stay there', async () => {
  const lines = planted.map(([, line]) => line).join('\n');
  await shell('cat >> /etc/environment && mkdir -p /etc/regnode', lines);
  await shell('cat > /etc/regnode/environment', lines);
  await shell('cat >> /etc/resolv.conf', lines);
  await shell('cat > /etc/cni/net.d/90-other.conf', lines);
  for (const unit of ['regnode', 'kubelet', 'containerd']) {
    // As the unit's own process would say it.
    await shell(`logger --tag ${unit} --id=$(systemctl show --property=MainPID --value ${unit})`, lines);
    const log = await host.logs(unit);
    expect(log, `planted in the log of ${unit}`).toContain('glpat-planted_planted_17');
  }

  const { text, names } = await report();
  for (const [kind, , secret] of planted) expect(text.includes(secret), kind).toBe(false);
  const own = [
    '/var/lib/regnode/identity/key.pem',
    '/var/lib/kubelet/pki/kubelet-client-current.pem',
    '/etc/kubernetes/bootstrap-kubelet.conf',
  ];
  for (const path of own) {
    const content = (await host.run('cat', [path])).stdout;
    const secrets = [
      ...content.matchAll(/PRIVATE KEY-----\n([^-]+)/g),
      ...content.matchAll(/token"?: "?([^\s"]+)/g),
    ].flatMap((match) => (match[1] ?? '').trim().split('\n'));
    expect(secrets.length, path).toBeGreaterThan(0);
    for (const secret of secrets) expect(text.includes(secret), path).toBe(false);
  }
  expect(text).not.toContain(joinToken);

  for (const name of ['doctor.json', 'preflight.json', 'status.json', 'node.json', 'changes.json']) {
    expect(names).toContain(name);
    JSON.parse(await readFile(join(folder, (await readdir(folder))[0] ?? '', name), 'utf8'));
  }
  expect(text).toContain('[removed: gitlab-token]');
  expect(text).toMatch(/Started kubelet/);
});

test('its id is in the log of the host, and nothing else on the host has changed', async () => {
  const before = await observe(host);
  const { id, path } = await report();
  expect(await host.logs()).toContain(id);
  const mode = await host.run('stat', ['-c', '%a %U', path]);
  expect(mode.stdout.trim()).toBe('600 root');
  // The daemon's own files go on by themselves.
  const own = ['/var/lib/regnode/', '/run/regnode/status.json '];
  const changed = difference(before, await observe(host)).filter(
    (line) => !own.some((path) => line.includes(path)),
  );
  expect(changed).toEqual([]);
});

test('a frozen containerd and a gateway that is gone take nothing from it but their own answers', async () => {
  await host.freeze('containerd');
  await sandbox.cloud.stopGateway();
  try {
    const { text } = await report();
    expect(text).toContain('"code": "GATEWAY_CONNECTION"');
  } finally {
    await host.thaw('containerd');
  }
});

async function report(): Promise<{ id: string; path: string; names: string[]; text: string }> {
  const made = await host.run('regnode', ['bugreport', '--json'], { timeoutMs: 120_000 });
  expect(made, made.stdout + made.stderr).toMatchObject({ exitCode: 0 });
  const { id, path, contents } = JSON.parse(made.stdout) as {
    id: string;
    path: string;
    contents: { name: string }[];
  };
  await rm(folder, { recursive: true, force: true });
  folder = await mkdtemp(join(tmpdir(), 'regnode-bugreport-'));
  await run('tar', ['-xzf', host.path(path), '-C', folder]);
  const all = await run('find', [folder, '-type', 'f', '-exec', 'cat', '{}', '+']);
  const names = (await run('find', [folder, '-type', 'f', '-printf', '%P\\n'])).stdout.trim().split('\n');
  const inside = names.map((name) => name.slice(name.indexOf('/') + 1));
  expect(inside.toSorted()).toEqual(contents.map(({ name }) => name).toSorted());
  return { id, path, names: inside, text: all.stdout };
}

async function shell(script: string, input?: string): Promise<void> {
  const result = await host.run('sh', ['-c', script], { ...(input !== undefined && { input }) });
  if (result.exitCode !== 0) throw new Error(`${script}: ${result.stderr}`);
}
