// One run at a time: the second is told who the first is, and a lock ends with its holder however that ends.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { takeLock } from '../../../../agent/host/lock.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'regnode-lock-'));
  path = join(folder, 'lock');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('the second is told the pid and the command of the first', async () => {
  const first = await takeLock(path, 'regnode join');
  expect(await takeLock(path, 'regnode leave')).toEqual({
    holderPid: process.pid,
    holderCommand: 'regnode join',
  });
  if ('release' in first) await first.release();
  expect(await readdir(folder)).toEqual([]);
  const third = await takeLock(path, 'regnode leave');
  expect(third).toHaveProperty('release');
  if ('release' in third) await third.release();
});

test('the file is nobody else’s to open, new or left by an earlier release', async () => {
  for (const prepare of [async () => undefined, () => writeFile(path, '', { mode: 0o644 })]) {
    await prepare();
    const lock = await takeLock(path, 'regnode join');
    expect(((await stat(path)).mode & 0o777).toString(8)).toBe('600');
    if ('release' in lock) await lock.release();
  }
});

test('kill -9 of the holder gives the lock back', async () => {
  const module = new URL('../../../../agent/host/lock.ts', import.meta.url).pathname;
  const holder = spawn(process.execPath, [
    '--input-type=module',
    '-e',
    `import { takeLock } from ${JSON.stringify(module)}; await takeLock(${JSON.stringify(path)}, 'regnode join'); console.log('held'); setInterval(() => {}, 1000);`,
  ]);
  await once(holder.stdout, 'data');
  expect(await takeLock(path, 'regnode status')).toEqual({
    holderPid: holder.pid,
    holderCommand: 'regnode join',
  });
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  const next = await takeLock(path, 'regnode join');
  expect(next).toHaveProperty('release');
  if ('release' in next) await next.release();
});
