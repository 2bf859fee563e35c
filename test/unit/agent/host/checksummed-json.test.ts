// A file with a checksum: what is written is read, and whatever somebody changed in it is told as damage.
import { mkdtempDisposable, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readChecksummedJson, writeChecksummedJson } from '../../../../agent/host/checksummed-json.ts';
import { fixtureHost } from '../../../fixtures/host.ts';

const place = { path: '/file.json', name: 'thing' };

test('what is written is read', async () => {
  await using root = await mkdtempDisposable(join(tmpdir(), 'checksummed-'));
  const host = fixtureHost(root.path);
  expect(await readChecksummedJson(host, place)).toEqual({ kind: 'absent' });
  await writeChecksummedJson(host, place, { b: 1, a: ['x', { c: null }] });
  expect(await readChecksummedJson(host, place)).toEqual({
    kind: 'value',
    value: { b: 1, a: ['x', { c: null }] },
  });
  const text = await readFile(join(root.path, 'file.json'), 'utf8');
  expect(Object.keys(JSON.parse(text))).toEqual(['version', 'sha256', 'thing']);
});

test.each([
  ['another value', (text: string) => text.replace('"b": 1', '"b": 2'), 'its checksum is wrong'],
  ['nothing under its name', (text: string) => text.replace('thing', 'other'), 'it is damaged'],
  ['another version', (text: string) => text.replace('"version": 1', '"version": 2'), 'it is damaged'],
  ['half of it', (text: string) => text.slice(0, text.length / 2), 'it is damaged'],
  ['nothing in it', () => '', 'it is damaged'],
])('%s is damage', async (_, change, detail) => {
  await using root = await mkdtempDisposable(join(tmpdir(), 'checksummed-'));
  const host = fixtureHost(root.path);
  await writeChecksummedJson(host, place, { b: 1 });
  const file = join(root.path, 'file.json');
  const written = await readFile(file, 'utf8');
  const changed = change(written);
  expect(changed).not.toBe(written);
  await writeFile(file, changed);
  expect(await readChecksummedJson(host, place)).toEqual({
    kind: 'damaged',
    detail: expect.stringContaining(detail),
  });
});
