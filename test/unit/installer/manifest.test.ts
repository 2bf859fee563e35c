// The signed manifest as install.sh sees it: whatever is changed in it, in its signature or in
// its key, whatever is old or was signed by somebody else, the archive isn't even asked for,
// and nothing is left behind.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { instant, type Signed, testKey } from '../../worlds/signing.ts';
import { bytes, type FakeGateway, sha256, startGateway } from './gateway.ts';
import { install, type Outcome, temporaryFolder } from './installation.ts';
import { makePayload } from './payload.ts';

vi.setConfig({ testTimeout: 30_000 });

const archive = makePayload('1.0.0');
let gateway: FakeGateway;
let folder: string;
let signed: Signed & { artifacts: object[] };

beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());
beforeEach(() => {
  folder = temporaryFolder();
  writeFileSync(join(folder, 'ca.pem'), gateway.caPem);
  gateway.answers.clear();
  gateway.requests.length = 0;
  signed = gateway.offer('1.0.0', archive);
});
afterEach(() => rmSync(folder, { recursive: true }));

const names = () => ({
  manifest: '/artifacts/manifest.json',
  signature: `/artifacts/${signed.sha256}.sig`,
  key: `/artifacts/${gateway.artifactKey.id}.pem`,
});

function run(shell = 'dash', key = gateway.artifactKey.id, ...more: string[]): Promise<Outcome> {
  const trust = ['--ca-file', join(folder, 'ca.pem'), '--artifact-key-sha256', key];
  const flags = ['--root', join(folder, 'host'), '--gateway', gateway.url, ...trust, ...more];
  return install(flags, { shell });
}

function expectRefused(outcome: Outcome, code: string): void {
  expect(outcome.stderr).toContain(`[fail] ${code}: `);
  expect(outcome.exitCode).toBe(1);
  expect(gateway.archiveRequests()).toEqual([]);
  expect(readdirSync(join(folder, 'host'))).toEqual(['run']);
}

const content = (path: string) => signed.files.get(path.replace('/artifacts/', '')) ?? Buffer.alloc(0);

function flipped(original: Buffer, at: number): Buffer {
  const copy = Buffer.from(original);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

test.each(['dash', 'bash'])('%s: the right one is accepted', async (shell) => {
  const outcome = await run(shell);
  expect(outcome.exitCode, outcome.stderr).toBe(0);
});

test('RSA too', async () => {
  const rsa = testKey('rsa');
  gateway.publish(signed.artifacts, {}, [rsa]);
  const outcome = await run('dash', rsa.id);
  expect(outcome.exitCode, outcome.stderr).toBe(0);
});

test('signed by two, as while a key is replaced: either will do', async () => {
  const next = testKey();
  gateway.publish(signed.artifacts, { keys: [next.pem] }, [next, gateway.artifactKey]);
  expect((await run()).exitCode).toBe(0);
  rmSync(join(folder, 'host'), { recursive: true });
  expect((await run('dash', next.id)).exitCode).toBe(0);
});

describe('refused', () => {
  test.each(['manifest', 'signature', 'key'] as const)(
    'one bit flipped anywhere in the %s',
    async (part) => {
      const path = names()[part];
      const original = content(path);
      // The last character of base64 that is none of `=` may hold bits that mean nothing: none
      // of the last four is touched.
      for (const at of [0, original.length >> 2, original.length >> 1, original.length - 8]) {
        const spoilt = flipped(original, at);
        gateway.answers.set(path, bytes(spoilt));
        // A manifest with another hash would have no signature at all: it gets the one of the original.
        if (part === 'manifest')
          gateway.answers.set(`/artifacts/${sha256(spoilt)}.sig`, bytes(content(names().signature)));
        expectRefused(await run(), 'MANIFEST_NOT_TRUSTED');
      }
    },
    30_000,
  );

  test.each(['manifest', 'signature', 'key'] as const)('the %s is cut off', async (part) => {
    const path = names()[part];
    gateway.answers.set(path, bytes(content(path).subarray(0, content(path).length >> 1)));
    expectRefused(await run(), 'MANIFEST_NOT_TRUSTED');
  });

  test.each(['manifest', 'signature', 'key'] as const)('there is no %s', async (part) => {
    gateway.answers.delete(names()[part]);
    expectRefused(await run(), 'MANIFEST_NOT_TRUSTED');
  });

  test('the manifest never ends', async () => {
    gateway.answers.set(names().manifest, (_request, response) => {
      const send = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65536, 32)));
        if (!response.destroyed) response.once('drain', send);
      };
      send();
    });
    const outcome = await run();
    expect(outcome.exitCode).not.toBe(0);
    expect(outcome.stderr).toContain('[fail] ');
    expect(gateway.archiveRequests()).toEqual([]);
  }, 30_000);

  test('signed by somebody else, who offers a key too', async () => {
    const stranger = testKey();
    const theirs = gateway.publish(signed.artifacts, {}, [stranger]);
    gateway.answers.set(names().key, bytes(stranger.pem));
    expectRefused(await run(), 'MANIFEST_NOT_TRUSTED');
    // Under the name of the right key, too.
    const text =
      theirs.files.get(`${theirs.sha256}.sig`)?.toString().replace(stranger.id, gateway.artifactKey.id) ?? '';
    gateway.answers.set(`/artifacts/${theirs.sha256}.sig`, bytes(text));
    gateway.answers.set(names().key, bytes(gateway.artifactKey.pem));
    expectRefused(await run(), 'MANIFEST_NOT_TRUSTED');
  });

  test('the signature of the manifest before', async () => {
    const before = content(names().signature);
    const next = gateway.publish(signed.artifacts, { serial: 2 });
    gateway.answers.set(`/artifacts/${next.sha256}.sig`, bytes(before));
    expectRefused(await run(), 'MANIFEST_NOT_TRUSTED');
  });

  test('expired', async () => {
    gateway.publish(signed.artifacts, { expiresAt: instant(Date.now() - 1000) });
    const outcome = await run();
    expectRefused(outcome, 'MANIFEST_EXPIRED');
    expect(outcome.stderr).toMatch(/expired at \S+Z; the clock here says \S+Z\./);
  });

  test.each(['dash', 'bash'])(
    '%s: older than the command names, on a host that has seen none',
    async (shell) => {
      gateway.publish(signed.artifacts, { serial: 6 });
      const named = (serial: string) => run(shell, undefined, '--manifest-serial', serial);
      const outcome = await named('7');
      expect(outcome.stderr).toContain('has the serial 6, older than 7, which the join command names.');
      expectRefused(outcome, 'MANIFEST_TOO_OLD');
      expect((await named('6')).exitCode).toBe(0);
    },
  );

  test('older than what this host has seen', async () => {
    const state = join(folder, 'host/var/lib/regnode');
    mkdirSync(state, { recursive: true });
    writeFileSync(
      join(state, 'trust.json'),
      JSON.stringify({ version: 1, trust: { keys: [], serial: 7 } }, null, 1),
    );
    gateway.publish(signed.artifacts, { serial: 6 });
    const outcome = await run();
    expect(outcome.stderr).toContain(
      '[fail] MANIFEST_ROLLED_BACK: The manifest of the artifacts has the serial 6, but',
    );
    expect(outcome.exitCode).toBe(1);
    expect(gateway.archiveRequests()).toEqual([]);
    gateway.publish(signed.artifacts, { serial: 7 });
    expect((await run()).exitCode).toBe(0);
    expect(readFileSync(join(folder, 'host/opt/regnode/VERSION'), 'utf8')).toBe('1.0.0\n');
  });

  test.each([
    ['serial', 'x'],
    ['serial', -1],
    ['expiresAt', 'never'],
    ['expiresAt', '2099'],
  ])('signed, but its %s is %s', async (field, value) => {
    gateway.publish(signed.artifacts, { [field]: value });
    expectRefused(await run(), 'PEER_ANSWER_UNKNOWN');
  });
});

test('a store that gets its next manifest between two requests is asked again', async () => {
  const next = gateway.publish(signed.artifacts, { serial: 2 });
  let first = true;
  gateway.answers.set(names().manifest, (request, response) => {
    const body = first ? content(names().manifest) : (next.files.get('manifest.json') ?? '');
    first = false;
    bytes(body)(request, response);
  });
  gateway.answers.delete(`/artifacts/${signed.sha256}.sig`);
  expect((await run()).exitCode).toBe(0);
});
