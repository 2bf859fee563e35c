// Everything that must not join, each on a real host: it gets its code, one clear line, a remedy and the
// right exit code, and afterwards the host is exactly as it was.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CommandResult } from '../../scripts/machine/command.ts';
import type { SandboxHost } from '../../scripts/sandbox/host.ts';
import { startReadySandbox } from '../../scripts/sandbox/ready.ts';
import {
  createJoinCommand,
  createPool,
  kubectl,
  pasteJoinCommand,
  regnodectl,
  waitForReady,
} from '../../scripts/sandbox/registration.ts';
import type { Sandbox } from '../../scripts/sandbox/sandbox.ts';
import { difference, type Observation, observe } from './observation.ts';

let sandbox: Sandbox;
let host: SandboxHost;
let before: Observation;

beforeAll(async () => {
  sandbox = await startReadySandbox({ name: 'e2e-refusals' });
  host = await sandbox.addHost({ name: 'idc-1' });
  before = await observe(host);
});
afterAll(() => sandbox?.stop());

/** The refusal has its code and a remedy, its exit code, no stack trace, and left nothing behind. */
async function expectRefusal(result: CommandResult, code: string, exitCode: number): Promise<void> {
  const said = result.stdout + result.stderr;
  expect(said).toContain(code);
  expect(said).toMatch(/→|Nothing was run\./);
  expect(said).not.toMatch(/^\s+at .*:\d+:\d+/m);
  expect(result.exitCode, said).toBe(exitCode);
  expect(difference(before, await observe(host))).toEqual([]);
}

/** The same command with another token in it. */
const withToken = (command: string, token: string) => command.replace(/rt-[a-z0-9]{6}\.[a-z0-9]{32}/, token);

test('a token that nobody made', async () => {
  const command = withToken(await createJoinCommand(sandbox), `rt-aaaaaa.${'b'.repeat(32)}`);
  await expectRefusal(await pasteJoinCommand(host, command), 'TOKEN_INVALID', 1);
});

test('the right id with the wrong secret', async () => {
  const command = await createJoinCommand(sandbox);
  const id = /rt-([a-z0-9]{6})\./.exec(command)?.[1];
  await expectRefusal(
    await pasteJoinCommand(host, withToken(command, `rt-${id}.${'b'.repeat(32)}`)),
    'TOKEN_INVALID',
    1,
  );
});

test('an expired token', async () => {
  const command = await createJoinCommand(sandbox, ['--ttl', '1s']);
  await new Promise((resolve) => setTimeout(resolve, 1500)); // the token's own life
  await expectRefusal(await pasteJoinCommand(host, command), 'TOKEN_EXPIRED', 1);
});

test('a revoked token', async () => {
  const command = await createJoinCommand(sandbox);
  const id = /rt-([a-z0-9]{6})\./.exec(command)?.[1] ?? '';
  await regnodectl(sandbox, ['token', 'revoke', id]);
  await expectRefusal(await pasteJoinCommand(host, command), 'TOKEN_INVALID', 1);
});

test('a pool that is gone', async () => {
  await createPool(sandbox, 'short-lived');
  const joinCommand = await createJoinCommand(sandbox, ['--pool', 'short-lived']);
  await kubectl(sandbox, ['delete', 'nodepool', 'short-lived']);
  await expectRefusal(await pasteJoinCommand(host, joinCommand), 'POOL_NOT_FOUND', 1);
});

test('not root', async () => {
  const command = await createJoinCommand(sandbox);
  const result = await host.run(
    'setpriv',
    ['--reuid=65534', '--regid=65534', '--clear-groups', 'bash', '-s'],
    {
      input: `${command}\n`,
    },
  );
  await expectRefusal(result, 'NOT_ROOT', 2);
});

test('a gateway that is not there', async () => {
  const command = await createJoinCommand(sandbox);
  await host.cutLink();
  let result: CommandResult;
  try {
    result = await pasteJoinCommand(host, command);
  } finally {
    await host.restoreLink();
  }
  await expectRefusal(result, 'INSTALLER_NOT_VERIFIED', 1);
});

test('somebody on the path with a CA of their own', async () => {
  const command = (await createJoinCommand(sandbox)).replace(/(--ca-sha256 )\w+/, `$1${'f'.repeat(64)}`);
  await expectRefusal(await pasteJoinCommand(host, command), 'GATEWAY_NOT_TRUSTED', 1);
});

test('another script than the one that the command names', async () => {
  const command = (await createJoinCommand(sandbox)).replace(/h=\w+/, `h=${'f'.repeat(64)}`);
  await expectRefusal(await pasteJoinCommand(host, command), 'INSTALLER_NOT_VERIFIED', 1);
});

test('an artifact key that the operator names and that has signed nothing: no command is made', async () => {
  const args = ['token', 'create', '--pool', 'idc', '--artifact-key-sha256', 'f'.repeat(64)];
  const result = await sandbox.cloud.regnodectl(args);
  expect(result.stderr).toMatch(
    /^\[fail\] MANIFEST_NOT_TRUSTED: The manifest of the artifacts is not signed by a key/,
  );
  expect(result).toMatchObject({ exitCode: 1, stdout: '' });
});

test('no room on the disk', async () => {
  const command = await createJoinCommand(sandbox);
  await host.run('mount', ['-t', 'tmpfs', '-o', 'size=20m', 'tmpfs', '/opt']);
  let result: CommandResult;
  try {
    result = await pasteJoinCommand(host, command);
  } finally {
    await host.run('umount', ['/opt']);
  }
  await expectRefusal(result, 'NO_SPACE', 1);
});

test('a host that is a member of another cluster', async () => {
  const command = await createJoinCommand(sandbox);
  await host.run('sh', [
    '-c',
    'mkdir -p /etc/kubernetes && echo "apiVersion: v1" > /etc/kubernetes/kubelet.conf',
  ]);
  let result: CommandResult;
  try {
    result = await pasteJoinCommand(host, command);
    expect((await host.run('cat', ['/etc/kubernetes/kubelet.conf'])).stdout).toBe('apiVersion: v1\n');
  } finally {
    await host.run('rm', ['-r', '/etc/kubernetes']);
  }
  await expectRefusal(result, 'PREFLIGHT_FAILED', 3);
});

test('an artifact that is not what its hash says', async () => {
  const command = await createJoinCommand(sandbox);
  const store = sandbox.cloud.artifactStore;
  const kubelet = (await readdir(store)).find((file) => file.startsWith('kubelet-')) ?? '';
  const good = await readFile(join(store, kubelet));
  const bad = Buffer.from(good);
  bad[bad.length >> 1] = (bad[bad.length >> 1] ?? 0) ^ 1;
  await writeFile(join(store, kubelet), bad);
  let result: CommandResult;
  try {
    result = await pasteJoinCommand(host, command);
  } finally {
    await writeFile(join(store, kubelet), good);
  }
  await expectRefusal(result, 'ARTIFACT_HASH_WRONG', 1);
  expect((await host.run('sh', ['-c', 'find / -xdev -name kubelet -type f'])).stdout).toBe('');
  expect(await regnodectl(sandbox, ['node', 'list'])).not.toContain('idc-1');
});

test('the refused host joins once everything is right', async () => {
  const joined = await pasteJoinCommand(host, await createJoinCommand(sandbox));
  expect(joined, joined.stdout + joined.stderr).toMatchObject({ exitCode: 0 });
  await waitForReady(sandbox, 'idc-1');
});

test('a second machine under the same name', async () => {
  const second = await sandbox.addHost({ name: 'idc-2' });
  const untouched = await observe(second);
  const command = await createJoinCommand(sandbox);
  const result = await pasteJoinCommand(second, command, { REGNODE_NAME: 'idc-1' });
  const said = result.stdout + result.stderr;
  expect(said).toContain('NODE_NAME_TAKEN');
  expect(result.exitCode, said).toBe(1);
  expect(difference(untouched, await observe(second))).toEqual([]);
});
