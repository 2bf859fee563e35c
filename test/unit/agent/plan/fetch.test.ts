// Downloads from a source that is slow, short, endless, swapped, flipped or away: nothing unverified ever gets the
// name of its hash, and what came is not asked for twice.
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fixtureHost } from '../../../../agent/host/fixture.ts';
import { openBackups } from '../../../../agent/plan/backups.ts';
import { fetchArtifact } from '../../../../agent/plan/fetch.ts';
import type { ArtifactSource } from '../../../../agent/plan/source.ts';
import type { Artifact } from '../../../../protocol/desired.ts';
import { Fault } from '../../../../protocol/fault.ts';

const content = Buffer.from('0123456789'.repeat(10));
const artifact: Artifact = {
  component: 'runc',
  version: '1.1.5',
  architecture: 'amd64',
  path: '/artifacts/runc.tar.gz',
  sizeBytes: content.length,
  sha256: createHash('sha256').update(content).digest('hex'),
};
const staged = '/staging/part';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'regnode-fetch-'));
  mkdirSync(join(root, 'staging'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Answers each request with the next of these; the last one for ever. */
function source(
  ...answers: ((offset: number) => Uint8Array | Error | Fault)[]
): ArtifactSource & { offsets: number[] } {
  const offsets: number[] = [];
  return {
    offsets,
    async open(_, offset) {
      const answer = answers[Math.min(offsets.length, answers.length - 1)]?.(offset);
      offsets.push(offset);
      if (answer === undefined || answer instanceof Error) throw answer;
      return {
        startsAt: offset,
        bytes: (async function* () {
          yield answer.subarray(0, 7);
          yield answer.subarray(7);
        })(),
      };
    },
  };
}
const fetchFrom = (from: ArtifactSource) => {
  const host = fixtureHost(root);
  return fetchArtifact({ host, backups: openBackups(host), source: from }, artifact, staged);
};
const from = (offset: number) => content.subarray(offset);
const flipped = (offset: number) => {
  const bytes = Buffer.from(from(offset));
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  return bytes;
};

test('a download that ends early goes on where it stopped', async () => {
  const broken = source(
    () => content.subarray(0, 40),
    () => Object.assign(new Error('reset'), { code: 'ECONNRESET' }),
    (offset) => content.subarray(offset, 60),
    from,
  );
  await fetchFrom(broken);
  expect(broken.offsets).toEqual([0, 40, 40, 60]);
  expect(readFileSync(join(root, staged))).toEqual(content);
});

test('a gateway that is away for a while is asked again', async () => {
  const away = new Fault('GATEWAY_UNREACHABLE', { url: 'https://x', detail: 'ECONNREFUSED' });
  await fetchFrom(
    source(
      () => away,
      () => away,
      from,
    ),
  );
  expect(readFileSync(join(root, staged))).toEqual(content);
});

describe('is refused and leaves nothing that could be used', () => {
  test.each([
    ['a flipped byte', source(flipped), 'ARTIFACT_HASH_WRONG'],
    ['an endless answer', source(() => Buffer.alloc(100_000, 1)), 'ARTIFACT_HASH_WRONG'],
    ['a source that stays away', source(() => new Error('reset')), 'ARTIFACT_DOWNLOAD_FAILED'],
    ['a source that never brings a byte', source(() => new Uint8Array()), 'ARTIFACT_DOWNLOAD_FAILED'],
    ['a refusal', source(() => new Fault('ARTIFACT_MISSING')), 'ARTIFACT_MISSING'],
  ])('%s', async (_, bad, code) => {
    await expect(fetchFrom(bad)).rejects.toMatchObject({ code });
    expect(bad.offsets.length).toBeLessThan(10);
  });
});

test('an old part that belongs to something else is thrown away once', async () => {
  writeFileSync(join(root, staged), 'x'.repeat(30));
  const good = source(from);
  await fetchFrom(good);
  expect(good.offsets).toEqual([30, 0]);
  expect(readFileSync(join(root, staged))).toEqual(content);
});

test('a source that changed between two requests ends as one whole file or not at all', async () => {
  const other = Buffer.alloc(content.length, 7);
  const swapped = source(
    () => content.subarray(0, 40),
    (offset) => other.subarray(offset),
  );
  await expect(fetchFrom(swapped)).rejects.toMatchObject({ code: 'ARTIFACT_HASH_WRONG' });
});

test('no room is said before the first byte', async () => {
  const real = fixtureHost(root);
  const full = { ...real.files, space: async () => ({ totalBytes: 1e9, freeBytes: 1e6, freeInodes: 100 }) };
  const never = source(from);
  const tools = { host: { ...real, files: full }, backups: openBackups(real), source: never };
  await expect(fetchArtifact(tools, artifact, staged)).rejects.toMatchObject({ code: 'NO_SPACE' });
  expect(never.offsets).toEqual([]);
});
