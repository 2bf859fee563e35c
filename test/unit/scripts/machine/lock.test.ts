import { chmod, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { acquireLock } from '../../../../scripts/machine/lock.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'regnode-lock-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const modeOf = async (path: string) => (await stat(path)).mode & 0o777;

test('a lock file is made, and nobody else’s to open', async () => {
  const path = join(folder, 'locks', 'one.lock');
  await (await acquireLock(path)).release();
  expect(await modeOf(path)).toBe(0o600);
});

test('a folder is locked as it is, and one holder waits for the other', async () => {
  await chmod(folder, 0o755);
  const first = await acquireLock(folder);
  const order: string[] = [];
  const second = acquireLock(folder).then((lock) => {
    order.push('second');
    return lock;
  });
  order.push('released');
  await first.release();
  await (await second).release();
  expect(order).toEqual(['released', 'second']);
  expect(await modeOf(folder)).toBe(0o755);
});
