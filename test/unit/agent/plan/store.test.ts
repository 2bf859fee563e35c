// The store of archives is bounded by age and by size, and never at the cost of what the node needs.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { paths } from '../../../../agent/config/paths.ts';
import {
  type StoredFile,
  storeLimitBytes,
  sweepStore,
  unneededFiles,
  unneededLifetimeMs,
} from '../../../../agent/plan/store.ts';
import { fixtureHost } from '../../../fixtures/host.ts';

const day = 24 * 60 * 60_000;
const nowMs = 100 * day;
const gibibyte = 1024 ** 3;
const hash = (name: string) => Buffer.from(name).toString('hex').padEnd(64, '0').slice(0, 64);

const file = (name: string, ageDays: number, sizeBytes = 1): StoredFile => ({
  path: `${paths.staging}/${hash(name)}.part`,
  sha256: hash(name),
  sizeBytes,
  modifiedMs: nowMs - ageDays * day,
});

function removedOf(files: readonly StoredFile[], needed: readonly string[], freeBytes = 100 * gibibyte) {
  const removed = unneededFiles(files, new Set(needed.map(hash)), { nowMs, freeBytes });
  return removed.map(({ sha256 }) => Buffer.from(sha256, 'hex').toString().replaceAll('\0', ''));
}

describe('what goes', () => {
  test.each<[string, StoredFile[], string[], number | undefined, string[]]>([
    ['nothing of a young store', [file('a', 6), file('b', 0)], [], undefined, []],
    ['what is a week old', [file('a', 7), file('b', 6.99)], [], undefined, ['a']],
    ['never what is needed, however old', [file('a', 99), file('b', 99)], ['a'], undefined, ['b']],
    ['not what a clock that was ahead has written', [file('a', -30)], [], undefined, []],
    [
      'the oldest of what is too much',
      [file('a', 1, gibibyte / 2), file('b', 3, gibibyte / 2), file('c', 2, gibibyte / 2)],
      [],
      undefined,
      ['b'],
    ],
    [
      'for the room of what is needed, all else',
      [file('a', 1, 10), file('b', 2, 10), file('c', 9, gibibyte)],
      ['c'],
      undefined,
      ['b', 'a'],
    ],
    ['what is more than the room beside it', [file('a', 1, 10), file('b', 2, 10)], [], 10, ['b']],
    ['all of it on a disk that is full', [file('a', 1, 10), file('b', 2, 10)], ['b'], 0, ['a']],
  ])('%s', (_name, files, needed, freeBytes, removed) => {
    expect(removedOf(files, needed, freeBytes)).toEqual(removed);
  });

  test('of any store only what nobody needs, the oldest first, until both bounds hold', () => {
    const stored = fc.record({
      name: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
      age: fc.integer({ min: -1, max: 10 }),
      size: fc.integer({ min: 0, max: gibibyte }),
    });
    const names = fc.subarray(['a', 'b', 'c', 'd', 'e', 'f']);
    fc.assert(
      fc.property(
        fc.array(stored),
        names,
        fc.integer({ min: 0, max: 3 * gibibyte }),
        (all, kept, freeBytes) => {
          const files = all.map(({ name, age, size }) => file(name, age, size));
          const needed = new Set(kept.map(hash));
          const removed = unneededFiles(files, needed, { nowMs, freeBytes });
          const left = files.filter((one) => !removed.includes(one));
          const spare = left.filter(({ sha256 }) => !needed.has(sha256));
          const bytes = (some: readonly StoredFile[]) =>
            some.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
          expect(removed.some(({ sha256 }) => needed.has(sha256))).toBe(false);
          if (spare.length > 0) {
            expect(bytes(left)).toBeLessThanOrEqual(storeLimitBytes);
            expect(bytes(spare)).toBeLessThanOrEqual(freeBytes);
            const youngest = Math.max(...removed.map(({ modifiedMs }) => modifiedMs));
            for (const { modifiedMs } of spare) {
              expect(nowMs - modifiedMs).toBeLessThan(unneededLifetimeMs);
              expect(modifiedMs).toBeGreaterThanOrEqual(youngest);
            }
          }
        },
      ),
    );
  });
});

describe('on the disk', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'regnode-store-'));
    for (const folder of [paths.artifacts, paths.staging]) mkdirSync(join(root, folder), { recursive: true });
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const put = (path: string, content: string, ageDays: number) => {
    writeFileSync(join(root, path), content);
    const seconds = (fixtureHost(root).clock.nowMs() - ageDays * day) / 1000;
    utimesSync(join(root, path), seconds, seconds);
  };

  test('archives and parts go, other names and links stay; what is left is told', async () => {
    const host = fixtureHost(root);
    put(`${paths.artifacts}/${hash('old')}`, 'archive', 8);
    put(`${paths.staging}/${hash('cut')}.part`, 'part', 8);
    put(`${paths.staging}/${hash('agent')}.agent`, 'part', 8);
    put(`${paths.staging}/${hash('desired')}.part`, 'needed', 8);
    put(`${paths.staging}/${hash('young')}.part`, 'young', 1);
    put(`${paths.staging}/of-somebody`, 'x', 100);
    symlinkSync('/etc/passwd', join(root, paths.artifacts, hash('link')));
    const { removed, left } = await sweepStore(host, new Set([hash('desired')]));
    expect(removed.map(({ sizeBytes }) => sizeBytes).toSorted()).toEqual([4, 4, 7]);
    expect(left).toEqual({ files: 2, bytes: 'needed'.length + 'young'.length });
    expect(readdirSync(join(root, paths.artifacts))).toEqual([hash('link')]);
    expect(readdirSync(join(root, paths.staging)).toSorted()).toEqual(
      [`${hash('desired')}.part`, `${hash('young')}.part`, 'of-somebody'].toSorted(),
    );
  });

  test('nothing there, nothing to do', async () => {
    rmSync(join(root, paths.artifacts), { recursive: true });
    rmSync(join(root, paths.staging), { recursive: true });
    expect(await sweepStore(fixtureHost(root), new Set())).toEqual({
      removed: [],
      left: { files: 0, bytes: 0 },
    });
  });
});
