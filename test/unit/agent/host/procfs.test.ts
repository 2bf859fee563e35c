// Reading files that change, grow and vanish.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Procfs } from '../../../../agent/host/procfs.ts';
import { RemoteSpaces } from '../../../../agent/host/remote-space.ts';

let root = '';
let procfs = new Procfs();

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'regnode-procfs-'));
  await mkdir(join(root, 'proc'));
  procfs = new Procfs(root);
});
afterEach(async () => {
  procfs.close();
  await rm(root, { recursive: true });
});

test('what is not there is undefined, NaN, or none', () => {
  expect(procfs.text('/proc/absent')).toBeUndefined();
  expect(procfs.number('/sys/absent')).toBeNaN();
  expect(procfs.list('/sys/absent')).toEqual([]);
  expect(procfs.space('/absent')).toBeUndefined();
});

test('a file that is no number is NaN, a folder in place of a file is an error', async () => {
  await writeFile(join(root, 'proc/word'), 'word\n');
  expect(procfs.number('/proc/word')).toBeNaN();
  expect(() => procfs.text('/proc')).toThrow('EISDIR');
});

test('a file that is kept open is read anew each time', async () => {
  await writeFile(join(root, 'proc/loadavg'), '0.1\n');
  expect(procfs.number('/proc/loadavg')).toBe(0.1);
  await writeFile(join(root, 'proc/loadavg'), '0.22\n');
  expect(procfs.number('/proc/loadavg')).toBe(0.22);
});

test('a file longer than the buffer comes whole, one beyond the limit is refused', async () => {
  await writeFile(join(root, 'proc/long'), 'x'.repeat(200_000));
  expect(procfs.text('/proc/long')).toHaveLength(200_000);
  await writeFile(join(root, 'proc/endless'), 'x'.repeat(5_000_000));
  expect(() => procfs.text('/proc/endless')).toThrow('longer than');
});

test('a mount that may hang is asked in the background: nothing at first, then an answer', async () => {
  const spaces = new RemoteSpaces({ monotonicMs: () => performance.now() });
  expect(spaces.space(root)).toBeUndefined();
  await vi.waitFor(() => expect(spaces.space(root)?.blocks).toBeGreaterThan(0), { timeout: 10_000 });
  await spaces.close();
});
