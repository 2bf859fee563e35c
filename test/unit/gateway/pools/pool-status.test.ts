// A rollout as it is written: the pool's status first, then the registrations; two replicas never begin two nodes, a
// gateway that dies in between is made up for, and what Kubernetes doesn't allow begins nowhere.
import { beforeEach, expect, test } from 'vitest';
import { type RegisteredNode, registeredNodes } from '../../../../gateway/nodes/node.ts';
import { nodePools, type PoolObject } from '../../../../gateway/pools/pool.ts';
import { writePoolStatus } from '../../../../gateway/pools/pool-status.ts';
import { type MemoryKubernetes, memoryKubernetes } from '../memory-kubernetes.ts';
import { pool, store } from '../pool.ts';

const had = { kubelet: '1.20.2', containerd: '1.6.20', runc: '1.1.5', 'cni-plugins': '1.1.1' };
let kubernetes: MemoryKubernetes;
let server: string;

beforeEach(async () => {
  kubernetes = memoryKubernetes();
  server = 'v1.20.2';
  kubernetes.answer = () => ({ gitVersion: server });
  await kubernetes.create(nodePools, pool('idc', { kubernetesVersion: 'v1.20.3' }));
  for (const name of ['idc-1', 'idc-2']) {
    await kubernetes.create(registeredNodes, {
      metadata: { name, labels: { 'regnode.io/pool': 'idc' } },
      spec: { pool: 'idc', machineId: '', keySha256: '', addresses: [] },
    });
    const status = {
      joinedAt: '2026-01-01T00:00:00Z',
      versions: had,
      tunnel: { connected: true, since: '', gateway: 'a' },
      ready: 'True',
    };
    await kubernetes.patch(registeredNodes, name, { status }, { subresource: 'status' });
  }
});

const write = () =>
  writePoolStatus(
    kubernetes,
    'idc',
    {
      pools: { get: (name) => kubernetes.stored(nodePools).find(({ metadata }) => metadata.name === name) },
      registered: { values: () => kubernetes.stored(registeredNodes) },
    },
    async () => store.artifacts,
  );
const rollout = () => (kubernetes.stored(nodePools)[0] as PoolObject).status?.rollout;
const asked = () =>
  kubernetes
    .stored(registeredNodes)
    .filter(({ spec }: RegisteredNode) => spec.versions?.kubelet === '1.20.3')
    .map(({ metadata }) => metadata.name);

test('one node is asked, and the pool says so with its numbers', async () => {
  await write();
  expect(asked()).toEqual(['idc-1']);
  expect(rollout()).toMatchObject({ state: 'Progressing', total: 2, done: 0, updating: ['idc-1'] });
  expect(kubernetes.stored(nodePools)[0]?.status).toMatchObject({ nodes: 2, connected: 2, ready: 2 });
  await write();
  expect(asked()).toEqual(['idc-1']);
});

test('of two replicas that look at the same moment one is refused, and looks again', async () => {
  const results = await Promise.all([write(), write()]);
  expect(results.filter((again) => again !== undefined)).toHaveLength(1);
  expect(asked()).toEqual(['idc-1']);
});

test('a gateway that died between the two writes has begun one node, not two', async () => {
  kubernetes.before = (verb, plural) => {
    if (verb === 'replace' && plural === 'registerednodes') throw new Error('killed');
  };
  await expect(write()).rejects.toThrow('killed');
  expect(rollout()?.updating).toEqual(['idc-1']);
  kubernetes.before = () => {};
  await write();
  expect(asked()).toEqual(['idc-1']);
});

test('the next is asked when the first has it', async () => {
  await write();
  const versions = { ...had, kubelet: '1.20.3' };
  await kubernetes.patch(registeredNodes, 'idc-1', { status: { versions } }, { subresource: 'status' });
  await write();
  expect(asked()).toEqual(['idc-1', 'idc-2']);
  expect(rollout()).toMatchObject({ done: 1, updating: ['idc-2'] });
});

test.each([
  ['the API server is older', () => (server = 'v1.19.1'), 'must not be newer'],
  [
    'the store lacks it',
    () => kubernetes.patch(nodePools, 'idc', { spec: { kubernetesVersion: 'v1.20.9' } }),
    '1.20.9',
  ],
])('nobody is asked when %s, and the pool says why', async (_, prepare, why) => {
  await prepare();
  await write();
  expect(asked()).toEqual([]);
  expect(rollout()).toMatchObject({ state: 'Blocked', detail: expect.stringContaining(why) });
});
