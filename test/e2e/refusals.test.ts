// Hosts, pools and stores that must not join, each on a real host (the pasted line itself is e2e
// join-line): it gets its code, one clear line, a remedy and the right exit code, and afterwards
// the host is exactly as it was.
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
import { expectRefusal as expectRefusalOf } from './refusal.ts';

let sandbox: Sandbox;
let host: SandboxHost;
let before: Observation;

beforeAll(async () => {
  sandbox = await startReadySandbox({ name: 'e2e-refusals' });
  host = await sandbox.addHost({ name: 'idc-1' });
  before = await observe(host);
});
afterAll(() => sandbox?.stop());

const expectRefusal = (result: CommandResult, code: string, exitCode: number) =>
  expectRefusalOf({ host, before }, result, code, exitCode);

test('a pool that is gone', async () => {
  await createPool(sandbox, 'short-lived');
  const joinCommand = await createJoinCommand(sandbox, ['--pool', 'short-lived']);
  await kubectl(sandbox, ['delete', 'nodepool', 'short-lived']);
  await expectRefusal(await pasteJoinCommand(host, joinCommand), 'POOL_NOT_FOUND', 1);
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
