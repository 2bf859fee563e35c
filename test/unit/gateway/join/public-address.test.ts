// What regnodectl learns from the gateway for a join command: of the artifacts only what the artifact key has
// signed, whatever the gateway has published; and a store that lists no install.sh is told as that.
import { expect, test } from 'vitest';
import { publishAddress, readAddress, verifiedIssue } from '../../../../gateway/join/public-address.ts';
import { signManifest, testKey } from '../../../worlds/signing.ts';
import { memoryKubernetes } from '../memory-kubernetes.ts';

const key = testKey();
const installers = [
  { sha256: '1'.repeat(64), sizeBytes: 10 },
  { sha256: '2'.repeat(64), sizeBytes: 20 },
];
const publicUrl = 'https://10.77.0.1';

async function published(
  changes: Record<string, unknown> = {},
  { keys = [key], spoil = {} }: { keys?: (typeof key)[]; spoil?: Record<string, string> } = {},
) {
  const kubernetes = memoryKubernetes();
  const { files } = signManifest([], keys, { serial: 7, installers, ...changes });
  const address = { publicUrl, caSha256: 'a'.repeat(64), artifactKeySha256: key.id };
  await publishAddress(kubernetes, address, files, { name: 'gw-a', isLive: () => true });
  const found = await readAddress(kubernetes);
  if (!found) throw new Error('nothing was published');
  return { ...found, files: { ...found.files, ...spoil } };
}

test('the newest script and the serial of the signed manifest', async () => {
  const address = await published();
  expect(address).toMatchObject({ publicUrl, artifactKeySha256: key.id });
  expect(verifiedIssue(address, key.id)).toEqual({
    manifestSerial: 7,
    installerSha256: '1'.repeat(64),
  });
});

test('either key, while one takes the place of another', async () => {
  const next = testKey();
  const address = await published({ keys: [next.pem] }, { keys: [next, key] });
  for (const { id } of [key, next]) expect(verifiedIssue(address, id).manifestSerial).toBe(7);
});

const stranger = testKey();
const evil = signManifest([], [stranger], {
  serial: 9,
  installers: [{ sha256: '6'.repeat(64), sizeBytes: 1 }],
});
const evilFiles = Object.fromEntries([...evil.files].map(([name, bytes]) => [name, bytes.toString('utf8')]));

test.each([
  ['a manifest of somebody else', evilFiles],
  ['and their key under the name of ours', { ...evilFiles, [`${key.id}.pem`]: stranger.pem }],
  ['no key', { [`${key.id}.pem`]: '' }],
  ['a manifest with another byte', { 'manifest.json': '{"schema": 2}\n' }],
])('refused: the gateway publishes %s', async (_name, spoil) => {
  const address = await published({}, { spoil });
  expect(() => verifiedIssue(address, key.id)).toThrow(
    expect.objectContaining({ code: 'MANIFEST_NOT_TRUSTED' }),
  );
});

test('refused: the operator names another key than the gateway', async () => {
  const address = await published();
  expect(() => verifiedIssue(address, stranger.id)).toThrow(
    expect.objectContaining({ code: 'MANIFEST_NOT_TRUSTED' }),
  );
});

test('refused: a manifest that lists no install.sh', async () => {
  const address = await published({ installers: undefined });
  expect(() => verifiedIssue(address, key.id)).toThrow(
    expect.objectContaining({ code: 'INSTALLER_UNKNOWN' }),
  );
});

test('a gateway of a release before, which has published no manifest', async () => {
  const address = { ...(await published()), files: {} };
  expect(() => verifiedIssue(address, key.id)).toThrow(
    expect.objectContaining({ code: 'INSTALLER_UNKNOWN' }),
  );
});

test('what is too large for a ConfigMap is left out, and the address stays known', async () => {
  const artifact = {
    component: 'runc',
    version: '1',
    architecture: 'amd64',
    path: '/artifacts/x',
    sizeBytes: 1,
  };
  const many = Array.from({ length: 4000 }, () => ({ ...artifact, sha256: 'f'.repeat(64), licence: 'MIT' }));
  const address = await published({ artifacts: many });
  expect(address).toMatchObject({ publicUrl, files: {} });
});

test('another URL or key takes nothing over from a replica that lives, and all from one that does not', async () => {
  const kubernetes = memoryKubernetes();
  const { files } = signManifest([], [key], { serial: 7, installers });
  const own = { publicUrl, caSha256: 'a'.repeat(64), artifactKeySha256: key.id };
  const live = new Set(['gw-a', 'gw-b']);
  const publish = (name: string, change: Partial<typeof own> = {}) =>
    publishAddress(kubernetes, { ...own, ...change }, files, {
      name,
      isLive: (replica) => live.has(replica),
    });
  const published = async () => (await readAddress(kubernetes))?.publicUrl;
  expect(await publish('gw-a')).toBeUndefined();
  expect(await publish('gw-b')).toBeUndefined();
  const refused = await publish('gw-c', { publicUrl: 'https://other.test' });
  expect(refused).toMatchObject({
    code: 'GATEWAY_DIFFERS',
    values: {
      replica: 'gw-b',
      name: 'gw-c',
      differences: `publicUrl ${publicUrl} there, https://other.test here`,
    },
  });
  expect(await publish('gw-c', { artifactKeySha256: 'b'.repeat(64) })).toMatchObject({
    code: 'GATEWAY_DIFFERS',
  });
  expect(await published()).toBe(publicUrl);
  // The one that published is the one that may change it, and a dead one keeps nothing.
  expect(await publish('gw-b', { publicUrl: 'https://new.test' })).toBeUndefined();
  live.delete('gw-b');
  expect(await publish('gw-c', { publicUrl: 'https://other.test' })).toBeUndefined();
  expect(await published()).toBe('https://other.test');
  expect((await readAddress(kubernetes))?.files).not.toHaveProperty('publishedBy');
});
