// The journal: a torn tail is cut off, a damaged line is never guessed at, and what
// it says survives a reopening.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Host } from '../../../../agent/host/host.ts';
import { condense, latestKept } from '../../../../agent/plan/condense.ts';
import { encodeEntry } from '../../../../agent/plan/entry.ts';
import { foldJournal } from '../../../../agent/plan/fold.ts';
import { openJournal, readJournal } from '../../../../agent/plan/journal.ts';
import { Fault } from '../../../../protocol/catalogue/fault.ts';
import { fixtureHost } from '../../../fixtures/host.ts';
import { parseJournal } from '../../../worlds/journal.ts';

let root: string;
let path: string;
let host: Host;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'regnode-journal-'));
  mkdirSync(join(root, 'var/lib/regnode'), { recursive: true });
  path = join(root, 'var/lib/regnode/journal');
  host = fixtureHost(root);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const line = (number: number, key = `file:/${number}`, kind = 'file', entry: unknown = { number }) =>
  encodeEntry({ version: 1, number, at: '2026-01-01T00:00:00.000Z', key, kind, entry });
const three = line(1) + line(2) + line(3);

describe('a journal that cannot be read whole', () => {
  test.each([
    ['half a line', line(1) + line(2).slice(0, 40), 1],
    ['nothing but a half line', line(1).slice(0, 10), 0],
    ['zeros instead of the last line', `${line(1)}\0\0\0\0`, 1],
    ['only the line end missing', line(1) + line(2).slice(0, -1), 2],
    ['an empty file', '', 0],
  ])('%s: the tail is cut, the rest counts', async (_, text, entries) => {
    writeFileSync(path, text);
    const journal = await openJournal(host);
    expect(journal.entries).toHaveLength(entries);
    await journal.append({ key: 'file:/next', kind: 'file', entry: {} });
    await journal.close();
    expect(parseJournal(readFileSync(path, 'utf8'))).toMatchObject({ damage: [], torn: false });
    expect((await readJournal(host))?.entries.at(-1)).toMatchObject({
      key: 'file:/next',
      number: entries + 1,
    });
  });

  test('of several changes that are written at once, those count that are whole', async () => {
    const change = (key: string) => ({ key, kind: 'file', entry: {} });
    let journal = await openJournal(host);
    await journal.append(change('file:/a'), change('file:/b'), change('file:/c'));
    await journal.close();
    const text = readFileSync(path, 'utf8');
    expect(parseJournal(text).entries.map(({ number, key }) => [number, key])).toEqual([
      [1, 'file:/a'],
      [2, 'file:/b'],
      [3, 'file:/c'],
    ]);
    writeFileSync(path, text.slice(0, -30));
    journal = await openJournal(host);
    expect(journal.entries.map(({ key }) => key)).toEqual(['file:/a', 'file:/b']);
    await journal.append();
    await journal.close();
    expect((await readJournal(host))?.entries).toHaveLength(2);
  });

  test.each([
    ['a flipped byte in the middle', three.replace('"number":2,', '"number":7,'), 2],
    ['a line that is missing', line(1) + line(3), 2],
    ['a line twice', line(1) + line(1), 2],
    ['a line of somebody else', `${line(1)}hello\n${line(2)}`, 2],
    ['a later version', line(1).replace('"version":1', '"version":2'), 1],
    ['a damaged last line that is whole', line(1) + line(2).replace('file', 'flle'), 2],
  ])('%s: JOURNAL_CORRUPT names the line', async (_, text, at) => {
    writeFileSync(path, text);
    await expect(openJournal(host)).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT', values: { line: at } });
    expect(readFileSync(path, 'utf8')).toBe(text);
    expect((await readJournal(host, { tolerant: true }))?.damage).not.toEqual([]);
  });

  test('no flipped bit is ever taken for a line, wherever it is', () => {
    fc.assert(
      fc.property(fc.nat(three.length - 2), fc.integer({ min: 0, max: 6 }), (at, bit) => {
        const bytes = Buffer.from(three);
        bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
        const read = parseJournal(bytes.toString('latin1'));
        expect(read.damage.length > 0 || read.entries.length < 3).toBe(true);
        const originals = parseJournal(three).entries.map((entry) => JSON.stringify(entry));
        for (const entry of read.entries) expect(originals).toContain(JSON.stringify(entry));
      }),
    );
  });

  test('cut anywhere, it is a prefix of what it was', () => {
    fc.assert(
      fc.property(fc.nat(three.length), (length) => {
        const read = parseJournal(three.slice(0, length));
        expect(read.damage).toEqual([]);
        expect(parseJournal(three).entries.slice(0, read.entries.length)).toEqual(read.entries);
      }),
    );
  });
});

test('folding keeps the first entry of a key, its order, and forgets what was taken back', () => {
  const entries = [
    { key: 'a', kind: 'file', entry: 1 },
    { key: 'b', kind: 'file', entry: 2 },
    { key: 'a', kind: 'file', entry: 3 },
    { key: 'b', kind: 'undone', entry: {} },
    { key: 'b', kind: 'file', entry: 4 },
  ].map((entry, index) => ({ version: 1 as const, number: index + 1, at: '', ...entry }));
  expect([...foldJournal(entries).values()]).toEqual([
    { key: 'a', kind: 'file', entries: [1, 3] },
    { key: 'b', kind: 'file', entries: [4] },
  ]);
});

describe('a journal that grew', () => {
  const changes = (count: number, key = 'file:/a') =>
    Array.from({ length: count }, (_, at) => ({ key, kind: 'file', entry: { at } }));

  test('is made shorter when it is opened: of each key what came first and what came last stays', async () => {
    let journal = await openJournal(host);
    await journal.append({ key: 'file:/z', kind: 'file', entry: { z: 1 } }, ...changes(1000));
    for (const key of ['file:/gone', 'file:/gone', 'file:/back']) {
      await journal.append(...changes(3, key), { key, kind: 'undone', entry: {} });
    }
    await journal.append({ key: 'file:/back', kind: 'file', entry: { again: true } });
    await journal.close();
    const before = foldJournal((await readJournal(host))?.entries ?? []);
    journal = await openJournal(host);
    await journal.append({ key: 'file:/next', kind: 'file', entry: {} });
    await journal.close();

    const read = parseJournal(readFileSync(path, 'utf8'));
    expect(read).toMatchObject({ damage: [], torn: false, lines: 2 + latestKept + 2 });
    const after = foldJournal(read.entries);
    expect([...after.keys()]).toEqual([...before.keys(), 'file:/next']);
    expect(after.get('file:/back')?.entries).toEqual([{ again: true }]);
    const entries = after.get('file:/a')?.entries ?? [];
    expect([entries[0], entries.at(-1)]).toEqual([{ at: 0 }, { at: 999 }]);
  });

  test('where there is no room for a shorter one, the long one goes on', async () => {
    let journal = await openJournal(host);
    await journal.append(...changes(1000));
    await journal.close();
    const write = () => Promise.reject(new Fault('NO_SPACE', { path, neededBytes: 1, freeBytes: 0 }));
    journal = await openJournal({ ...host, files: { ...host.files, write } });
    await journal.append({ key: 'file:/b', kind: 'file', entry: {} });
    await journal.close();
    expect(parseJournal(readFileSync(path, 'utf8'))).toMatchObject({ damage: [], lines: 1001 });
  });

  test('undoes the same, whatever was done and taken back', () => {
    const change = fc.record({
      key: fc.constantFrom('a', 'b', 'c', 'd'),
      kind: fc.constantFrom('file', 'file', 'file', 'undone'),
      entry: fc.nat(5),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 100 }), fc.nat(100), (made, cut) => {
        const entries = made.map((one, at) => ({ version: 1 as const, number: at + 1, at: '', ...one }));
        const shorter = condense([...condense(entries.slice(0, cut)), ...entries.slice(cut)]);
        expect(shorter.map(({ number }) => number)).toEqual(shorter.map((_, at) => at + 1));
        const [long, short] = [foldJournal(entries), foldJournal(shorter)];
        expect([...short.keys()]).toEqual([...long.keys()]);
        for (const [key, thing] of long) {
          const kept = short.get(key)?.entries ?? [];
          expect(kept[0]).toEqual(thing.entries[0]);
          expect(kept.slice(1)).toEqual(thing.entries.slice(1).slice(-latestKept));
        }
      }),
    );
  });
});
