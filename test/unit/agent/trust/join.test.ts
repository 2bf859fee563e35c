// Trust in artifacts, on a whole join against a real HTTPS server: what isn't signed, is old, has expired
// or isn't listed is refused by its code before a token is spent, and the host is as it was. What was
// once believed is remembered.
import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { gatewayManifests } from '../../../../agent/components/artifacts/gateway.ts';
import { paths } from '../../../../agent/config/paths.ts';
import type { Host } from '../../../../agent/host/host.ts';
import { createGatewayApi } from '../../../../agent/identity/gateway-api.ts';
import { joinNode } from '../../../../agent/node/join.ts';
import { admitDesired } from '../../../../agent/trust/accept.ts';
import { readTrust } from '../../../../agent/trust/trust.ts';
import { sha256Hex } from '../../../../protocol/messages/manifest.ts';
import { archives, startGateway } from '../../../worlds/desired.ts';
import type { LoopbackGateway } from '../../../worlds/gateway.ts';
import { IdcHost } from '../../../worlds/idc-host.ts';
import { instant, signManifest, testKey } from '../../../worlds/signing.ts';
import { snapshot } from '../../../worlds/snapshot.ts';

let gateway: LoopbackGateway;
let world: IdcHost;
let before: unknown;
const state = () => ({ files: snapshot(world.root, ['/proc', '/sys']), world: world.state() });
beforeEach(async () => {
  gateway = await startGateway();
  world = new IdcHost(archives);
  before = state();
});
afterEach(async () => {
  world.remove();
  await gateway.stop();
});

function join(
  key: string | undefined = gateway.artifactKey.id,
  host: Host = world.host,
  manifestSerial?: number,
) {
  const artifactKeySha256 = key === '' ? undefined : key;
  return joinNode(host, {
    settings: {
      gatewayUrl: gateway.url,
      caPem: gateway.caPem,
      nodeName: 'idc-1',
      token: 'rt-x.y',
      artifactKeySha256,
      ...(manifestSerial === undefined ? {} : { manifestSerial }),
    },
    preflight: async () => undefined,
    listener: { phase() {}, plan() {}, step() {}, waiting() {} },
    readyTimeoutMs: 1000,
    signal: new AbortController().signal,
  });
}

/** What the daemon does with a desired state. */
async function admit(desired = gateway.desired): Promise<void> {
  const api = createGatewayApi({ url: gateway.url, caPem: gateway.caPem, environment: {} });
  try {
    await admitDesired(world.host, desired, gatewayManifests(api));
  } finally {
    api.close();
  }
}

async function expectRefused(code: string, key?: string, manifestSerial?: number): Promise<void> {
  await expect(join(key, world.host, manifestSerial)).rejects.toMatchObject({ code });
  expect(gateway.asked).not.toContain('POST /v1/join');
  expect(gateway.asked.filter((what) => what.includes('.tar.gz'))).toEqual([]);
  expect(state()).toEqual(before);
}

const put = (name: string, content: Buffer | string) =>
  gateway.store.set(`/artifacts/${name}`, Buffer.from(content));
const served = (name: string) => gateway.store.get(`/artifacts/${name}`) ?? Buffer.alloc(0);
const signatureName = () => `${gateway.desired.manifest.sha256}.sig`;

function flipped(content: Buffer, at: number): Buffer {
  const copy = Buffer.from(content);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

describe('a join is refused before a token is spent', () => {
  test('by a bit that flipped anywhere in the signature', async () => {
    const good = served(signatureName());
    for (let at = 0; at < good.length - 1; at += 13) {
      put(signatureName(), flipped(good, at));
      await expectRefused('MANIFEST_NOT_TRUSTED');
    }
  });

  test('by a bit that flipped anywhere in the manifest', async () => {
    const good = served('manifest.json');
    for (let at = 0; at < good.length; at += 101) {
      const spoilt = flipped(good, at);
      put('manifest.json', spoilt);
      put(`${sha256Hex(spoilt)}.sig`, served(signatureName()));
      await expectRefused('MANIFEST_NOT_TRUSTED');
    }
  });

  test('by a key that is not the one of the join command', async () => {
    put(`${gateway.artifactKey.id}.pem`, testKey().pem);
    await expectRefused('MANIFEST_NOT_TRUSTED');
  });

  test('by a manifest of somebody else', async () => {
    for (const [name, content] of signManifest(gateway.desired.artifacts, testKey()).files)
      put(name, content);
    await expectRefused('MANIFEST_NOT_TRUSTED');
  });

  test('by a manifest without end', async () => {
    put('manifest.json', Buffer.alloc(5 * 1024 * 1024, 32));
    await expectRefused('MANIFEST_NOT_TRUSTED');
  });

  test('by a manifest that has expired', async () => {
    gateway.offer(gateway.desired.artifacts, { expiresAt: instant(world.host.clock.nowMs() - 5000) });
    await expectRefused('MANIFEST_EXPIRED');
  });

  test('by a manifest older than the one that the command names, on a host that has seen none', async () => {
    gateway.offer(gateway.desired.artifacts, { serial: 6 });
    await expectRefused('MANIFEST_TOO_OLD', undefined, 7);
    await join(undefined, world.host, 6);
    expect((await readTrust(world.host))?.serial).toBe(6);
  });

  test('without a word about the key', async () => {
    await expectRefused('USAGE', '');
  });
});

test('a gateway that asks for what the manifest does not name is refused, and the registration taken back', async () => {
  const [first, ...rest] = gateway.desired.artifacts;
  if (first === undefined) throw new Error('no artifacts');
  const evil = gateway.add(first.component, first.version, 'evil');
  gateway.desired = { ...gateway.desired, artifacts: [evil, ...rest] };
  await expect(join()).rejects.toMatchObject({ code: 'ARTIFACT_NOT_SIGNED' });
  expect(gateway.asked.at(-1)).toBe('POST /v1/node/deregister');
  expect(state()).toEqual(before);
});

describe('a host that has joined', () => {
  test('remembers the highest serial: an older manifest is refused, a newer one accepted', async () => {
    gateway.offer(gateway.desired.artifacts, { serial: 5 });
    await join();
    gateway.offer(gateway.desired.artifacts, { serial: 4 });
    await expect(admit()).rejects.toMatchObject({
      code: 'MANIFEST_ROLLED_BACK',
      values: { serial: 4, seen: 5 },
    });
    expect((await readTrust(world.host))?.serial).toBe(5);
    gateway.offer(gateway.desired.artifacts, { serial: 6 });
    await admit();
    expect((await readTrust(world.host))?.serial).toBe(6);
  });

  test('fetches nothing once the manifest has expired', async () => {
    gateway.offer(gateway.desired.artifacts, { serial: 2, expiresAt: instant(Date.now() + 3600_000) });
    await join();
    const clock = { ...world.host.clock, nowMs: () => Date.now() + 2 * 3600_000 };
    const later = { ...world.host, clock };
    const again = await join(undefined, later);
    expect(again.outcome).toBe('nothing-to-do');
    await world.host.files.removeTree('/opt/regnode/components/kubelet');
    await expect(join(undefined, later)).rejects.toMatchObject({ code: 'MANIFEST_EXPIRED' });
  });

  test('takes another key only from a manifest that both have signed', async () => {
    await join();
    const next = testKey();
    const { artifacts } = gateway.desired;
    const publish = (keys: Parameters<typeof signManifest>[1], changes: Record<string, unknown>) => {
      const { serial, sha256, files } = signManifest(artifacts, keys, changes);
      for (const [name, content] of files) put(name, content);
      gateway.desired = { ...gateway.desired, manifest: { serial, sha256 } };
    };
    publish(next, { serial: 2 });
    await expect(admit()).rejects.toMatchObject({ code: 'MANIFEST_NOT_TRUSTED' });
    publish(gateway.artifactKey, { serial: 3, keys: [next.pem] });
    await expect(admit()).rejects.toMatchObject({ code: 'MANIFEST_INVALID' });
    publish([next, gateway.artifactKey], { serial: 4, keys: [next.pem] });
    await admit();
    expect((await readTrust(world.host))?.keys).toEqual([next.pem]);
    publish(gateway.artifactKey, { serial: 5 });
    await expect(admit()).rejects.toMatchObject({ code: 'MANIFEST_NOT_TRUSTED' });
    publish(next, { serial: 6 });
    await admit();
    expect((await readTrust(world.host))?.serial).toBe(6);
  });

  test('refuses a trust file that was changed', async () => {
    await join();
    const text = readFileSync(world.at(paths.trust), 'utf8');
    writeFileSync(world.at(paths.trust), text.replace('"serial": 1', '"serial": 0'));
    await expect(admit()).rejects.toMatchObject({ code: 'CONFIGURATION_INVALID' });
  });
});
