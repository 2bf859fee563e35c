// Downloads from origins that are slow, short, endless, swapped, flipped or away: nothing
// unverified ever gets the name of its hash, what came is not asked for twice, and one that is
// right is found behind others that aren't.
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openBackups } from '../../../../agent/plan/backups.ts';
import { fetchArtifact } from '../../../../agent/plan/fetch.ts';
import type { ArtifactOrigin } from '../../../../agent/plan/source.ts';
import { Fault } from '../../../../protocol/catalogue/fault.ts';
import type { Artifact } from '../../../../protocol/messages/desired.ts';
import { fixtureHost } from '../../../fixtures/host.ts';

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

type Answer = (offset: number) => Uint8Array | Error | Fault;
type Counted = ArtifactOrigin & { readonly offsets: number[] };

/** Answers each request with the next of these; the last one for ever. */
function origin(...answers: Answer[]): Counted {
  const offsets: number[] = [];
  return {
    name: 'one',
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
const fetchFrom = (...origins: ArtifactOrigin[]) => {
  const host = fixtureHost(root);
  return fetchArtifact({ host, backups: openBackups(host), source: { origins } }, artifact, staged);
};
const from = (offset: number) => content.subarray(offset);
const flipped = (offset: number) => {
  const bytes = Buffer.from(from(offset));
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  return bytes;
};

test('a download that ends early goes on where it stopped', async () => {
  const broken = origin(
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
    origin(
      () => away,
      () => away,
      from,
    ),
  );
  expect(readFileSync(join(root, staged))).toEqual(content);
});

describe('is refused and leaves nothing that could be used', () => {
  test.each([
    ['a flipped byte', origin(flipped), 'ARTIFACT_HASH_WRONG'],
    ['an endless answer', origin(() => Buffer.alloc(100_000, 1)), 'ARTIFACT_HASH_WRONG'],
    ['a source that stays away', origin(() => new Error('reset')), 'ARTIFACT_DOWNLOAD_FAILED'],
    ['a source that never brings a byte', origin(() => new Uint8Array()), 'ARTIFACT_DOWNLOAD_FAILED'],
    ['a refusal', origin(() => new Fault('ARTIFACT_MISSING')), 'ARTIFACT_MISSING'],
  ])('%s', async (_, bad, code) => {
    await expect(fetchFrom(bad)).rejects.toMatchObject({ code });
    expect(bad.offsets.length).toBeLessThan(10);
  });
});

test('an old part that belongs to something else is thrown away once', async () => {
  writeFileSync(join(root, staged), 'x'.repeat(30));
  const good = origin(from);
  await fetchFrom(good);
  expect(good.offsets).toEqual([30, 0]);
  expect(readFileSync(join(root, staged))).toEqual(content);
});

test('a source that changed between two requests ends as one whole file or not at all', async () => {
  const other = Buffer.alloc(content.length, 7);
  const swapped = origin(
    () => content.subarray(0, 40),
    (offset) => other.subarray(offset),
  );
  await expect(fetchFrom(swapped)).rejects.toMatchObject({ code: 'ARTIFACT_HASH_WRONG' });
});

test('no room is said before the first byte', async () => {
  const real = fixtureHost(root);
  const full = {
    ...real.files,
    space: async () => ({ totalBytes: 1e9, freeBytes: 1e6, totalInodes: 1e7, freeInodes: 100 }),
  };
  const never = origin(from);
  const tools = { host: { ...real, files: full }, backups: openBackups(real), source: { origins: [never] } };
  await expect(fetchArtifact(tools, artifact, staged)).rejects.toMatchObject({ code: 'NO_SPACE' });
  expect(never.offsets).toEqual([]);
});

describe('several origins', () => {
  const away: Answer = () => new Error('connection refused');
  const lacks: Answer = () => new Fault('PATH_UNKNOWN', { method: 'GET', path: '/x' });

  test.each([
    ['away', away],
    ['without it', lacks],
    ['full of wrong bytes', flipped],
    ['endless', () => Buffer.alloc(100_000, 1)],
    ['cut off', () => content.subarray(0, 3)],
    ['not trusted', () => new Fault('GATEWAY_NOT_TRUSTED', { url: 'x', detail: 'y' })],
  ] as const)('the next one is asked when one is %s', async (_, bad) => {
    const good = origin(from);
    await fetchFrom(origin(bad), good);
    expect(good.offsets).toHaveLength(1);
    expect(readFileSync(join(root, staged))).toEqual(content);
  });

  test('what one has brought is not asked of the next again', async () => {
    const second = origin(from);
    await fetchFrom(
      origin(() => content.subarray(0, 40), away),
      second,
    );
    expect(second.offsets).toEqual([40]);
  });

  test('one that lied is not asked again, whatever it says next', async () => {
    const liar = origin(flipped, from);
    const late = origin(away, away, from);
    await fetchFrom(liar, late);
    expect(liar.offsets).toEqual([0]);
    expect(late.offsets).toHaveLength(3);
  });

  test.each([
    ['ARTIFACT_MISSING', [lacks, lacks]],
    ['ARTIFACT_HASH_WRONG', [lacks, flipped]],
    ['GATEWAY_NOT_TRUSTED', [lacks, () => new Fault('GATEWAY_NOT_TRUSTED', { url: 'x', detail: 'y' })]],
    ['ARTIFACT_DOWNLOAD_FAILED', [lacks, away]],
  ] as const)('%s when no one has it right', async (code, answers) => {
    await expect(fetchFrom(...answers.map((answer) => origin(answer)))).rejects.toMatchObject({ code });
  });

  test('an artifact that must not be fetched is asked of nobody', async () => {
    const never = origin(from);
    const host = fixtureHost(root);
    const permit = async () => {
      throw new Fault('MANIFEST_EXPIRED', { expiresAt: 'x', now: 'y' });
    };
    const tools = { host, backups: openBackups(host), source: { origins: [never], permit } };
    await expect(fetchArtifact(tools, artifact, staged)).rejects.toMatchObject({ code: 'MANIFEST_EXPIRED' });
    expect(never.offsets).toEqual([]);
  });
});

test('one that says each time that the shorter file is all is not asked for ever', async () => {
  const short = content.subarray(0, 60);
  const gone = new Fault('ARTIFACT_HASH_WRONG', { name: 'runc', actual: 'x', expected: 'y' });
  const stubborn = origin((offset) => (offset >= short.length ? gone : short.subarray(offset)));
  await expect(fetchFrom(stubborn)).rejects.toMatchObject({ code: 'ARTIFACT_HASH_WRONG' });
  expect(stubborn.offsets).toEqual([0, 60, 0]);
});

test('one that drips is left for the next, and what it brought is kept', async () => {
  const host = fixtureHost(root);
  let nowMs = 0;
  const clock = { ...host.clock, monotonicMs: () => nowMs, sleep: async () => undefined };
  const slow: ArtifactOrigin = {
    name: 'slow',
    open: async () => ({
      startsAt: 0,
      bytes: (async function* () {
        for (const byte of content) {
          nowMs += 20_000;
          yield Uint8Array.of(byte);
        }
      })(),
    }),
  };
  const good = origin(from);
  const tools = { host: { ...host, clock }, backups: openBackups(host), source: { origins: [slow, good] } };
  await fetchArtifact(tools, artifact, staged);
  expect(good.offsets).toEqual([2]);
});

describe('time', () => {
  const mebibyte = 1024 * 1024;
  const large = Buffer.alloc(4 * mebibyte, 7);
  const wanted: Artifact = {
    ...artifact,
    sizeBytes: large.length,
    sha256: createHash('sha256').update(large).digest('hex'),
  };
  let nowMs: number;
  let offsets: Record<string, number[]>;
  beforeEach(() => {
    nowMs = 0;
    offsets = {};
  });

  /** Brings so much of `whole` a second. */
  function steady(name: string, bytesPerSecond: number, whole = large): ArtifactOrigin {
    return {
      name,
      async open(_, offset) {
        offsets[name] = [...(offsets[name] ?? []), offset];
        return {
          startsAt: offset,
          bytes: (async function* () {
            for (let at = offset; at < whole.length; at += bytesPerSecond * 10) {
              nowMs += 10_000;
              yield whole.subarray(at, at + bytesPerSecond * 10);
            }
          })(),
        };
      },
    };
  }
  function fetchLarge(origins: readonly ArtifactOrigin[], pace?: (bytes: number) => Promise<void>) {
    const host = fixtureHost(root);
    const clock = { ...host.clock, monotonicMs: () => nowMs, sleep: async () => undefined };
    const source = { origins, ...(pace ? { pace } : {}) };
    return fetchArtifact({ host: { ...host, clock }, backups: openBackups(host), source }, wanted, staged);
  }

  test('a mirror that drips is left for the next within half a minute, and goes on being one of them', async () => {
    await fetchLarge([steady('mirror', 2048), steady('gateway', mebibyte)]);
    expect(offsets).toEqual({ mirror: [0], gateway: [3 * 20_480] });
    expect(nowMs).toBeLessThan(60_000);
  });

  test('a line that is as slow as that is used for as long as may be', async () => {
    await fetchLarge([steady('mirror', 12_000), steady('gateway', 12_000)]);
    expect(readFileSync(join(root, staged)).equals(large)).toBe(true);
  });

  test('the last one may not drip for ever either', async () => {
    await expect(fetchLarge([steady('gateway', 2048)])).rejects.toMatchObject({
      code: 'ARTIFACT_DOWNLOAD_FAILED',
      values: { detail: expect.stringContaining('it takes too long') },
    });
    expect(nowMs).toBeLessThan(11 * 60_000);
  });

  test('a mirror that lies, as slowly as it may, takes no time from the gateway', async () => {
    const lies = Buffer.alloc(large.length, 8);
    await fetchLarge([steady('mirror', 16 * 1024, lies), steady('gateway', 16 * 1024)]);
    expect(offsets.gateway).toEqual([0]);
  });

  test('what our own rate costs is nobody’s fault', async () => {
    const pace = async (bytes: number) => {
      nowMs += (bytes / 4096) * 1000;
    };
    await fetchLarge([steady('mirror', 64 * 1024), steady('gateway', mebibyte)], pace);
    expect(offsets).toEqual({ mirror: [0] });
    expect(nowMs).toBeGreaterThan(1_000_000);
  });
});
