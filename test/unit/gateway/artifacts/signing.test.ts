// The life of a store by its commands' functions: key, sign, verify, rotate, export; and what verify finds.
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { buildBundle } from '../../../../gateway/artifacts/bundle.ts';
import { exportBundle } from '../../../../gateway/artifacts/export.ts';
import { addSignature, reissueManifest } from '../../../../gateway/artifacts/issue.ts';
import { generateKey, type KeyKind, readSigningKey } from '../../../../gateway/artifacts/keys.ts';
import { ArtifactStore } from '../../../../gateway/artifacts/store.ts';
import { verifyBundle } from '../../../../gateway/artifacts/verify.ts';

let root: string;
let store: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'regnode-signing-'));
  store = join(root, 'store');
  for (const architecture of ['amd64', 'arm64']) {
    const tree = join(root, 'from/runc/1.1.5', architecture, 'bin');
    await mkdir(tree, { recursive: true });
    await writeFile(join(tree, 'runc'), `runc for ${architecture}`);
  }
});
afterEach(() => rm(root, { recursive: true }));

async function key(name = 'key', kind: KeyKind = 'ecdsa-p256') {
  await generateKey(join(root, name), kind);
  return readSigningKey(join(root, name));
}
const build = async (...keys: Awaited<ReturnType<typeof key>>[]) =>
  buildBundle({ from: join(root, 'from'), out: store, keys, serial: 1 });

test.each(['ecdsa-p256', 'rsa-3072'] as const)(
  'a key of %s: private to its owner, never replaced',
  async (kind) => {
    const { keySha256, publicFile } = await generateKey(join(root, 'key'), kind);
    expect((await stat(join(root, 'key'))).mode & 0o777).toBe(0o600);
    expect((await execa('sha256sum', [publicFile])).stdout).toContain(keySha256);
    await expect(generateKey(join(root, 'key'), kind)).rejects.toMatchObject({ code: 'BUNDLE_INVALID' });
    await build(await readSigningKey(join(root, 'key')));
    expect((await verifyBundle(store, { keySha256 })).archives.every(({ fault }) => !fault)).toBe(true);
    expect(await readdir(store)).not.toContain('key');
  },
);

test('what is no key that a host could verify with is refused', async () => {
  await writeFile(join(root, 'none'), 'none');
  await expect(readSigningKey(join(root, 'none'))).rejects.toMatchObject({ code: 'ARTIFACT_KEY_INVALID' });
  await execa('openssl', ['genpkey', '-algorithm', 'ed25519', '-out', join(root, 'ed25519')]);
  await expect(readSigningKey(join(root, 'ed25519'))).rejects.toMatchObject({ code: 'ARTIFACT_KEY_INVALID' });
});

test('built without a key and signed on another machine, where no archive is', async () => {
  await build();
  const elsewhere = join(root, 'elsewhere');
  await mkdir(elsewhere);
  const copy = (name: string, from: string, to: string) => execa('cp', [join(from, name), join(to, name)]);
  await copy('manifest.json', store, elsewhere);
  await reissueManifest(elsewhere, { keys: [await key()] });
  for (const name of await readdir(elsewhere)) await copy(name, elsewhere, store);
  expect((await verifyBundle(store)).archives).toHaveLength(2);
});

test('signing again gives a higher serial, a new expiry, and takes the old signatures away', async () => {
  const signer = await key();
  await build(signer);
  const before = await new ArtifactStore(store).manifest();
  const manifest = await reissueManifest(store, { keys: [signer], lifetimeMs: 1000 });
  expect(manifest.serial).toBeGreaterThan(before.serial);
  expect((await readdir(store)).filter((name) => name.endsWith('.sig'))).toHaveLength(1);
  await expect(verifyBundle(store, { nowMs: Date.now() + 5000 })).rejects.toMatchObject({
    code: 'MANIFEST_EXPIRED',
  });
});

describe('install.sh', () => {
  const scriptOf = async (text: string) => {
    const file = join(root, 'install.sh');
    await writeFile(file, text);
    return file;
  };
  const listed = async () => (await new ArtifactStore(store).manifest()).manifest.installers ?? [];
  const textOf = async (at: number) => readFile(join(store, `${(await listed())[at]?.sha256}.sh`), 'utf8');

  test('another one takes the first place, and the one before stays for the commands that name it', async () => {
    const signer = await key();
    const issue = { from: join(root, 'from'), out: store, keys: [signer] };
    await buildBundle({ ...issue, installScript: await scriptOf('one\n') });
    await buildBundle({ ...issue, installScript: await scriptOf('two\n') });
    expect([await textOf(0), await textOf(1)]).toEqual(['two\n', 'one\n']);
    await reissueManifest(store, { keys: [signer] }, await scriptOf('three\n'));
    await reissueManifest(store, { keys: [signer] });
    expect([await textOf(0), await textOf(1), await textOf(2)]).toEqual(['three\n', 'two\n', 'one\n']);
    await reissueManifest(store, { keys: [signer] }, await scriptOf('one\n'));
    expect([await textOf(0), (await listed()).length]).toEqual(['one\n', 3]);
    for (let count = 0; count < 10; count++)
      await reissueManifest(store, { keys: [signer] }, await scriptOf(`script ${count}\n`));
    expect([await textOf(0), (await listed()).length]).toEqual(['script 9\n', 8]);
  });

  test('is put into a store of a release before when that is signed again', async () => {
    const signer = await key();
    await build(signer);
    const file = join(store, 'manifest.json');
    const { installers: _none, ...before } = JSON.parse(await readFile(file, 'utf8'));
    await writeFile(file, JSON.stringify(before));
    await reissueManifest(store, { keys: [signer] });
    expect(await textOf(0)).toBe(await readFile('installer/install.sh', 'utf8'));
  });

  test.each([
    ['ARTIFACT_HASH_WRONG', 'evil\n'],
    ['INSTALLER_UNKNOWN', undefined],
  ])('verify says %s, and no tar is made', async (code, content) => {
    await build(await key());
    const file = join(store, `${(await listed())[0]?.sha256}.sh`);
    if (content === undefined) await rm(file);
    else await writeFile(file, content);
    expect((await verifyBundle(store)).installerFault).toMatchObject({ code });
    await expect(exportBundle(store, join(root, 'x.tar'))).rejects.toMatchObject({ code });
  });
});

test('a key is replaced by a manifest that both have signed, the new one first', async () => {
  const [old, next] = [await key('old'), await key('next')];
  await build(old);
  await reissueManifest(store, { keys: [old], rotateTo: next });
  expect((await new ArtifactStore(store).manifest()).keySha256).toBe(next.id);
  for (const keySha256 of [old.id, next.id]) await verifyBundle(store, { keySha256 });
});

test('keys on two machines: the second adds its signature to the same bytes', async () => {
  const [first, second] = [await key('first'), await key('second')];
  await build(first);
  const bytes = await readFile(join(store, 'manifest.json'));
  await addSignature(store, second);
  expect(await readFile(join(store, 'manifest.json'))).toEqual(bytes);
  for (const keySha256 of [first.id, second.id]) await verifyBundle(store, { keySha256 });
});

describe('the tar', () => {
  test('holds all that a host needs, for one architecture when it is named', async () => {
    await build(await key());
    await exportBundle(store, join(root, 'amd64.tar'), 'amd64');
    const { stdout } = await execa('tar', ['-tf', join(root, 'amd64.tar')]);
    expect(stdout).toContain('manifest.json');
    expect(stdout).toContain('runc-1.1.5-amd64.tar.gz');
    expect(stdout).toMatch(/^[0-9a-f]{64}\.sh$/m);
    expect((await verifyBundle(join(root, 'amd64.tar'))).installerFault).toBeUndefined();
    expect(stdout).not.toContain('arm64');
    await exportBundle(store, join(root, 'all.tar'));
    expect((await verifyBundle(join(root, 'all.tar'))).archives.every(({ fault }) => !fault)).toBe(true);
    const [first] = (await verifyBundle(join(root, 'amd64.tar'))).archives.filter(({ fault }) => fault);
    expect(first?.fault?.code).toBe('ARTIFACT_MISSING');
  });

  test('is not made of a store that a host would refuse', async () => {
    await build();
    await expect(exportBundle(store, join(root, 'x.tar'))).rejects.toMatchObject({
      code: 'MANIFEST_NOT_TRUSTED',
    });
    await reissueManifest(store, { keys: [await key()] });
    await writeFile(join(store, 'runc-1.1.5-amd64.tar.gz'), 'other');
    await expect(exportBundle(store, join(root, 'x.tar'))).rejects.toMatchObject({
      code: 'ARTIFACT_HASH_WRONG',
    });
    expect(await readdir(root)).not.toContain('x.tar');
  });

  test('that is no tar is refused', async () => {
    await writeFile(join(root, 'x.tar'), 'this is no tar');
    await expect(verifyBundle(join(root, 'x.tar'))).rejects.toMatchObject({ code: 'BUNDLE_INVALID' });
  });
});

test('verify lists all that is wrong', async () => {
  await build(await key());
  await rm(join(store, 'runc-1.1.5-arm64.tar.gz'));
  await writeFile(join(store, 'runc-1.1.5-amd64.tar.gz'), 'other');
  const { archives } = await verifyBundle(store);
  expect(archives.map(({ fault }) => fault?.code)).toEqual(['ARTIFACT_HASH_WRONG', 'ARTIFACT_MISSING']);
});
