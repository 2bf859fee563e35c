// The cache's promise: an entry is whole or absent, and is made once.
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { cached } from '../../../../scripts/machine/cache.ts';
import { acquireLock } from '../../../../scripts/machine/lock.ts';
import { silentProgress } from '../../../../scripts/machine/progress.ts';

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'regnode-cache-'));
  vi.stubEnv('REGNODE_CACHE', root);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(root, { recursive: true, force: true });
});

test('an entry that could not be made leaves nothing, and the next try makes it', async () => {
  const failing = cached('thing/1', silentProgress, async (staging) => {
    await writeFile(join(staging, 'half'), '');
    throw new Error('no space left');
  });
  await expect(failing).rejects.toThrow('no space left');
  expect(await readdir(join(root, 'thing'))).toEqual([]);
  const place = await cached('thing/1', silentProgress, (staging) => writeFile(join(staging, 'whole'), 'x'));
  expect(await readFile(join(place, 'whole'), 'utf8')).toBe('x');
});

test('what a killed run left is removed by the next one', async () => {
  const left = join(root, 'thing', '.1.staging-99999999');
  await mkdir(left, { recursive: true });
  await cached('thing/1', silentProgress, async () => undefined);
  expect(existsSync(left)).toBe(false);
});

test('two at once make it once', async () => {
  const make = vi.fn(async (staging: string) => writeFile(join(staging, 'whole'), 'x'));
  const places = await Promise.all([
    cached('a/b', silentProgress, make),
    cached('a/b', silentProgress, make),
  ]);
  expect(make).toHaveBeenCalledTimes(1);
  expect(places).toEqual([join(root, 'a/b'), join(root, 'a/b')]);
});

test('a lock is waited for until its holder lets go', async () => {
  const path = join(root, 'one.lock');
  const order: string[] = [];
  const first = await acquireLock(path);
  const second = acquireLock(path, () => order.push('waiting')).then(async (lock) => {
    order.push('second');
    await lock.release();
  });
  await vi.waitFor(() => expect(order).toEqual(['waiting']), { timeout: 5000 });
  await first.release();
  await second;
  expect(order).toEqual(['waiting', 'second']);
});
