// The signed manifest: what `openssl` says about a signature and what we say about it is the same, for both
// kinds of keys; and whatever is changed, nothing that was not signed comes out.
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  formatSignatures,
  manifestName,
  openManifest,
  parseSignatures,
  publicKey,
  requireListed,
} from '../../../../protocol/messages/manifest.ts';
import { instant, type Signed, signManifest, type TestKey, testKey } from '../../../worlds/signing.ts';

const artifact = {
  component: 'runc',
  version: '1.1.5',
  architecture: 'amd64',
  path: '/artifacts/runc.tar.gz',
  sizeBytes: 7,
  sha256: 'a'.repeat(64),
} as const;
const key = testKey();

function parts({ files, sha256 }: Signed) {
  const bytes = files.get(manifestName) ?? Buffer.alloc(0);
  return { bytes, signatures: parseSignatures(files.get(`${sha256}.sig`)?.toString() ?? '') };
}
const trust = (pem = key.pem, serial = 0, nowMs = Date.now()) => ({ keys: [pem], serial, nowMs });

function opensslSays({ bytes, signatures }: ReturnType<typeof parts>, { id, pem }: TestKey): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'regnode-openssl-'));
  try {
    const file = (name: string, content: Uint8Array | string) => {
      writeFileSync(join(folder, name), content);
      return join(folder, name);
    };
    const signature = file('signature', signatures.get(id) ?? '');
    const args = [
      'dgst',
      '-sha256',
      '-verify',
      file('key', pem),
      '-signature',
      signature,
      file('manifest', bytes),
    ];
    execFileSync('openssl', args, { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test.each(['ec', 'rsa'] as const)('%s: openssl agrees, on the right and on the wrong', (kind) => {
  const signer = testKey(kind);
  const right = parts(signManifest([artifact], signer));
  expect(opensslSays(right, signer)).toBe(true);
  expect(openManifest(right, trust(signer.pem)).artifacts).toEqual([{ ...artifact, licence: 'Apache-2.0' }]);
  const wrong = { ...right, bytes: Buffer.concat([right.bytes, Buffer.from(' ')]) };
  expect(opensslSays(wrong, signer)).toBe(false);
  expect(() => openManifest(wrong, trust(signer.pem))).toThrow(
    expect.objectContaining({ code: 'MANIFEST_NOT_TRUSTED' }),
  );
});

test('no change of the signed bytes, however it is made, comes through', () => {
  const right = parts(signManifest([artifact], key));
  fc.assert(
    fc.property(fc.nat(right.bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
      const bytes = Buffer.from(right.bytes);
      bytes[at] = (bytes[at] ?? 0) ^ mask;
      expect(() => openManifest({ ...right, bytes }, trust())).toThrow();
    }),
  );
});

test('no made-up signature is right, and none makes the reader stumble', () => {
  const { bytes } = parts(signManifest([artifact], key));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (made) => {
      const signatures = new Map([[key.id, Buffer.from(made)]]);
      expect(() => openManifest({ bytes, signatures }, trust())).toThrow(
        expect.objectContaining({ code: 'MANIFEST_NOT_TRUSTED' }),
      );
    }),
  );
});

test('any text can be read for signatures, and what was written comes back', () => {
  fc.assert(fc.property(fc.string(), (text) => parseSignatures(text).size >= 0));
  const signatures = new Map([
    [key.id, Buffer.from('one')],
    ['b'.repeat(64), Buffer.from('two')],
  ]);
  expect(parseSignatures(formatSignatures(signatures))).toEqual(signatures);
});

test.each([
  ['MANIFEST_EXPIRED', {}, trust(key.pem, 0, Date.now() + 60 * 24 * 3600_000)],
  ['MANIFEST_ROLLED_BACK', { serial: 4 }, trust(key.pem, 5)],
  ['MANIFEST_TOO_OLD', { serial: 4 }, { ...trust(), namedSerial: 5 }],
  ['MANIFEST_INVALID', { artifacts: [artifact] }, trust()],
  ['MANIFEST_INVALID', { installers: [{ sha256: '../x', sizeBytes: 1 }] }, trust()],
  ['MANIFEST_INVALID', { extra: 1 }, trust()],
  ['MANIFEST_INVALID', { keys: [testKey().pem] }, trust()],
  ['MANIFEST_NOT_TRUSTED', {}, trust(testKey().pem)],
  ['MANIFEST_NOT_TRUSTED', {}, { keys: [], serial: 0 }],
])('%s', (code, changes, believed) => {
  const signed = parts(signManifest([artifact], key, changes));
  expect(() => openManifest(signed, believed)).toThrow(expect.objectContaining({ code }));
});

test('the same serial again is no step back', () => {
  expect(openManifest(parts(signManifest([artifact], key, { serial: 5 })), trust(key.pem, 5)).serial).toBe(5);
});

test.each(['version', 'path', 'sha256', 'sizeBytes'] as const)(
  'an artifact with another %s is not listed',
  (field) => {
    const manifest = openManifest(parts(signManifest([artifact], key)), trust());
    const other = { ...artifact, [field]: field === 'sizeBytes' ? 8 : `${artifact[field]}0` };
    expect(() => requireListed(manifest, [artifact])).not.toThrow();
    expect(() => requireListed(manifest, [artifact, other])).toThrow(
      expect.objectContaining({ code: 'ARTIFACT_NOT_SIGNED' }),
    );
  },
);

test('a key that el7 could not verify with is no key', () => {
  const pems = [
    generateKeyPairSync('ed25519').publicKey,
    generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey,
    generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey,
  ].map((one) => one.export({ type: 'spki', format: 'pem' }).toString());
  for (const pem of pems)
    expect(() => publicKey(pem)).toThrow(expect.objectContaining({ code: 'ARTIFACT_KEY_INVALID' }));
  expect(instant(0)).toBe('1970-01-01T00:00:00Z');
});
