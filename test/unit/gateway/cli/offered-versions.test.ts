// Before a pool names versions, the store is asked whether it has them; and what it
// is about, or is not, is said.
import { expect, test } from 'vitest';
import { selectNodes } from '../../../../gateway/cli/context.ts';
import { requireOffered } from '../../../../gateway/cli/offered-versions.ts';
import { changedSpec } from '../../../../gateway/cli/pool-changes.ts';
import { changePool } from '../../../../gateway/cli/pool-set-command.ts';
import { publishAddress } from '../../../../gateway/join/public-address.ts';
import { customResourceDefinitions } from '../../../../gateway/kubernetes/kinds.ts';
import type { Kubernetes } from '../../../../gateway/kubernetes/kubernetes.ts';
import { resourceDefinitions } from '../../../../gateway/resources/definitions.ts';
import { nodePools } from '../../../../gateway/resources/node-pool.ts';
import { type PoolSpecInput, poolSpecSchema } from '../../../../protocol/settings/pool.ts';
import { signManifest, testKey } from '../../../worlds/signing.ts';
import { memoryKubernetes } from '../memory-kubernetes.ts';
import { artifact } from '../pool.ts';

const spec = (more: Partial<PoolSpecInput> = {}) =>
  poolSpecSchema.parse({ kubernetesVersion: 'v1.20.2', ...more });

const key = testKey();

async function publish(kubernetes: Kubernetes, kubelets: readonly string[]): Promise<void> {
  const artifacts = [
    ...kubelets.map((version) => artifact('kubelet', version)),
    artifact('containerd', '1.6.20'),
  ];
  const { files } = signManifest(artifacts, [key], { serial: kubelets.length, installers: [] });
  const address = { publicUrl: 'https://x.test', caSha256: 'a'.repeat(64), artifactKeySha256: key.id };
  await publishAddress(kubernetes, address, files, { name: 'gw-a', isLive: () => true });
}

async function cluster() {
  const kubernetes = memoryKubernetes();
  await publish(kubernetes, ['1.20.2', '1.20.3']);
  for (const definition of resourceDefinitions())
    await kubernetes.apply(customResourceDefinitions, definition);
  await kubernetes.create(nodePools, { metadata: { name: 'idc' }, spec: spec() });
  kubernetes.answer = () => ({ gitVersion: 'v1.20.2' });
  return kubernetes;
}

test.each<[string, Partial<PoolSpecInput>, object]>([
  [
    'a kubelet',
    { kubernetesVersion: '1.20.9' },
    { name: 'kubelet', version: '1.20.9', versions: '1.20.2, 1.20.3' },
  ],
  [
    'a containerd',
    { componentVersions: { containerd: '9.9.9' } },
    { name: 'containerd', versions: '1.6.20' },
  ],
  [
    'a component that it has none of',
    { componentVersions: { runc: '1.1.5' } },
    { name: 'runc', versions: '-' },
  ],
])('%s that the store lacks is refused', async (_name, change, values) => {
  const kubernetes = await cluster();
  await expect(requireOffered(kubernetes, spec(), spec(change), { patienceMs: 0 })).rejects.toMatchObject({
    code: 'VERSION_NOT_OFFERED',
    values,
  });
});

test('one that was added to the store a moment ago is waited for until the gateway has published it', async () => {
  const kubernetes = await cluster();
  const asked = requireOffered(kubernetes, spec(), spec({ kubernetesVersion: '1.20.4' }));
  await publish(kubernetes, ['1.20.2', '1.20.3', '1.20.4']);
  expect(await asked).toBeUndefined();
});

test('one that it has, with or without v, and one that was named before, are none of its business', async () => {
  const kubernetes = await cluster();
  const old = spec({ componentVersions: { containerd: '1.5.0' } });
  const newer = spec({ kubernetesVersion: 'v1.20.3' });
  expect(await requireOffered(kubernetes, spec(), newer)).toBeUndefined();
  expect(await requireOffered(kubernetes, old, old)).toBeUndefined();
  // A gateway that has published nothing judges by itself.
  const unknown = spec({ kubernetesVersion: '1.20.9' });
  expect(await requireOffered(memoryKubernetes(), spec(), unknown)).toBeUndefined();
});

test('nothing is written then, and a version is unpinned by a word', async () => {
  const kubernetes = await cluster();
  const pool = () => kubernetes.stored(nodePools)[0]?.spec;
  const before = pool();
  await expect(
    changePool(kubernetes, 'idc', { containerdVersion: '9.9.9' }, { patienceMs: 0 }),
  ).rejects.toMatchObject({
    code: 'VERSION_NOT_OFFERED',
  });
  expect(pool()).toEqual(before);
  await changePool(kubernetes, 'idc', { containerdVersion: '1.6.20' });
  expect(pool()?.componentVersions).toEqual({ containerd: '1.6.20' });
  const { changes } = await changePool(kubernetes, 'idc', { containerdVersion: 'default' });
  expect(changes).toContain('componentVersions.containerd: "1.6.20" → unset');
  expect(pool()?.componentVersions?.containerd).toBeUndefined();
  expect(await changedSpec({ runcVersion: 'none' })).toMatchObject({
    componentVersions: { runc: undefined },
  });
});

test('a pool that is not there is an error, an empty one is none', async () => {
  const kubernetes = await cluster();
  await expect(selectNodes(kubernetes, [], 'nope')).rejects.toMatchObject({ code: 'POOL_NOT_FOUND' });
  expect(await selectNodes(kubernetes, [], 'idc')).toEqual([]);
});
