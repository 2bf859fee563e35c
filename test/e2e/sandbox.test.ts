// The sandbox's own promises, before anything is built on them: hosts that are real hosts, a line that lets
// nothing in from the cloud, and a teardown that leaves nothing, also when its owner is killed.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { output } from '../../scripts/machine/command.ts';
import { cgroupPids } from '../../scripts/sandbox/cgroups.ts';
import type { SandboxHost } from '../../scripts/sandbox/host.ts';
import { dataFolderOf, runFolder } from '../../scripts/sandbox/registry.ts';
import { type Sandbox, startSandbox } from '../../scripts/sandbox/sandbox.ts';
import { waitFor } from '../../scripts/sandbox/wait.ts';

let sandbox: Sandbox;
let first: SandboxHost;
let second: SandboxHost;

beforeAll(async () => {
  sandbox = await startSandbox({ name: 'e2e-sandbox' });
  [first, second] = await Promise.all([
    sandbox.addHost({ name: 'idc-1', identity: 'tencentos-3.1' }),
    sandbox.addHost({ name: 'idc-2', identity: 'tencentos-2.4' }),
  ]);
});
afterAll(() => sandbox?.stop());

test('two hosts of one name are refused, and so is a name that is none', async () => {
  await expect(sandbox.addHost({ name: 'idc-1' })).rejects.toThrow(/already/);
  await expect(sandbox.addHost({ name: '../idc' })).rejects.toThrow(/no name/);
});

test('a host is a machine of its own', async () => {
  const ask = async (host: SandboxHost, script: string) =>
    (await host.run('sh', ['-c', script])).stdout.trim();
  expect(await ask(first, 'systemctl is-system-running')).toBe('running');
  expect(await ask(first, 'hostname; . /etc/os-release; echo $ID $VERSION_ID')).toBe('idc-1\ntencentos 3.1');
  expect(await ask(second, 'hostname; . /etc/os-release; echo $ID $VERSION_ID')).toBe('idc-2\ntencentos 2.4');
  expect(await ask(first, 'cat /etc/machine-id')).not.toBe(await ask(second, 'cat /etc/machine-id'));
  expect(await first.run('sh', ['-c', 'echo out; echo err >&2; exit 3'])).toMatchObject({
    exitCode: 3,
    stdout: 'out\n',
    stderr: 'err\n',
  });
  expect(await first.run('sleep', ['60'], { timeoutMs: 300 })).toMatchObject({ exitCode: 124 });
});

test('hosts reach the cloud and each other; the cloud begins nothing', async () => {
  const ping = async (from: SandboxHost, to: string) =>
    (await from.run('ping', ['-c', '1', '-W', '2', to])).exitCode;
  expect(await ping(first, '10.77.0.1')).toBe(0);
  expect(await ping(first, second.address)).toBe(0);
  const listener = second.run('socat', ['TCP-LISTEN:7000,reuseaddr,fork', 'EXEC:cat'], { timeoutMs: 20_000 });
  await waitFor(
    'the listener',
    async () =>
      (await first.run('sh', ['-c', `echo hi | socat -t1 - TCP:${second.address}:7000`])).stdout === 'hi\n',
    { timeoutMs: 10_000 },
  );
  const refused = await sandbox.cloud.run('curl', ['-s', '-m', '3', `telnet://${second.address}:7000`]);
  expect(refused.exitCode).toBe(7);
  await second.run('sh', ['-c', 'kill $(pgrep -x socat)']);
  await listener;
});

test('a cut cable is cut, a bad one is bad, and both get well', async () => {
  const ping = async () => (await first.run('ping', ['-c', '3', '-i', '0.1', '-W', '1', '10.77.0.1'])).stdout;
  await first.cutLink();
  expect(await ping()).toContain('100% packet loss');
  await first.restoreLink();
  await waitFor('the line', async () => (await ping()).includes(' 0% packet loss'), { timeoutMs: 10_000 });
  await first.shapeLink({ delayMs: 40 });
  const shortest = Number(/rtt [^=]*= ([\d.]+)/.exec(await ping())?.[1]);
  expect(shortest).toBeGreaterThan(79);
  expect(shortest).toBeLessThan(200);
  await first.shapeLink();
  expect(Number(/rtt [^=]*= ([\d.]+)/.exec(await ping())?.[1])).toBeLessThan(20);
});

test('a host stands still, goes on, and boots again', async () => {
  await first.freeze();
  const asked = first.run('true', [], { timeoutMs: 30_000 });
  const early = await Promise.race([asked, new Promise((done) => setTimeout(done, 500, 'nothing'))]);
  expect(early).toBe('nothing');
  await first.thaw();
  expect(await asked).toMatchObject({ exitCode: 0 });
  await first.run('touch', ['/etc/stays', '/run/goes']);
  await first.reboot();
  const left = await first.run('sh', ['-c', 'ls /etc/stays /run/goes 2>/dev/null']);
  expect(left.stdout).toBe('/etc/stays\n');
});

test('a host that reboots itself comes back', async () => {
  await first.run('touch', ['/run/goes']);
  const before = await first.initPid();
  // Its own end takes the command along.
  await first.run('systemctl', ['reboot']);
  const isBack = async () => {
    const init = await first.initPid().catch(() => before);
    if (init === before) return false;
    const { stdout } = await first.run('systemctl', ['is-system-running']);
    return /^(?:running|degraded)$/.test(stdout.trim());
  };
  await waitFor('the host to be back', isBack, { timeoutMs: 180_000, intervalMs: 500 });
  expect(await first.run('ls', ['/etc/stays', '/run/goes'])).toMatchObject({ stdout: '/etc/stays\n' });
  expect((await first.run('ping', ['-c', '1', '-W', '5', '10.77.0.1'])).exitCode).toBe(0);
});

test('a removed host takes everything with it', async () => {
  await second.remove();
  expect(sandbox.hosts.map((host) => host.name)).toEqual(['idc-1']);
  expect(await output('ip', ['netns', 'list'])).not.toContain(`rn-${sandbox.id}-idc-2`);
  expect(existsSync(second.folders.folder)).toBe(false);
});

test('kill -9 of its owner leaves nothing of a sandbox', async () => {
  const script = resolve(import.meta.dirname, '../../scripts/sandbox/sandbox.ts');
  const owner = spawn(process.execPath, [
    '--input-type=module',
    '-e',
    `const { startSandbox } = await import(${JSON.stringify(script)});
     const sandbox = await startSandbox({ name: 'e2e-orphan' });
     await sandbox.addHost({ name: 'idc-1' });
     console.log(sandbox.id);
     setInterval(() => undefined, 1000);`,
  ]);
  const id = await new Promise<string>((done, fail) => {
    createInterface({ input: owner.stdout }).once('line', done);
    owner.once('exit', (code) => fail(new Error(`the owner ended by itself: ${code}`)));
  });
  expect(existsSync(runFolder(id))).toBe(true);
  expect(await cgroupPids(id)).not.toEqual([]);
  owner.kill('SIGKILL');
  const isGone = () => !existsSync(runFolder(id)) && !existsSync(dataFolderOf(id));
  await waitFor(`sandbox ${id} to be gone`, isGone, { timeoutMs: 60_000 });
  expect(await cgroupPids(id)).toEqual([]);
  expect(await output('ip', ['netns', 'list'])).not.toContain(id);
  expect(await readFile('/proc/self/mountinfo', 'utf8')).not.toContain(id);
});
