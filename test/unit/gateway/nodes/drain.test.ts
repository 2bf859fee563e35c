// Drains: what is evicted, what stays and why, and what happens when a disruption budget says no.

import { describe, expect, test } from 'vitest';
import { nodes, type Pod, pods } from '../../../../gateway/kubernetes/kinds.ts';
import { KubernetesFailure } from '../../../../gateway/kubernetes/kubernetes.ts';
import { type DrainProgress, drain, planDrain, sortOut, uncordon } from '../../../../gateway/nodes/drain.ts';
import type { RegisteredNode } from '../../../../gateway/resources/registered-node.ts';
import { background } from '../../../../protocol/defect.ts';
import { memoryKubernetes } from '../memory-kubernetes.ts';

const owner = (kind: string) => [{ kind, name: 'x', controller: true }];
const pod = (name: string, change: Partial<Pod['metadata']> = {}, status: Pod['status'] = {}): Pod => ({
  metadata: {
    name,
    namespace: 'default',
    uid: `uid-${name}`,
    ownerReferences: owner('ReplicaSet'),
    ...change,
  },
  spec: { nodeName: 'idc-1' },
  status,
});

/** Registered before its Node was made. */
const registration = (spec: object = {}, metadata: object = {}): RegisteredNode => ({
  metadata: { name: 'idc-1', creationTimestamp: '2020-01-01T00:00:00Z', ...metadata },
  spec: { pool: 'idc', machineId: '', keySha256: '', addresses: [], ...spec },
  status: { joinedAt: '2020-01-01T00:00:01.000Z' },
});
const idc1 = registration();

describe('sorting out', () => {
  const mirror = { annotations: { 'kubernetes.io/config.mirror': 'x' } };
  test.each<[string, Pod, string | undefined]>([
    ['a managed pod', pod('a'), undefined],
    ['a mirror pod', pod('a', { ...mirror, ownerReferences: owner('Node') }), 'mirror pod'],
    ['a mirror pod of an old kubelet', pod('a', { ...mirror, ownerReferences: [] }), 'mirror pod'],
    ['a Deployment’s pod that its kubelet marked as a mirror pod', pod('a', mirror), undefined],
    ['a pod of a DaemonSet', pod('a', { ownerReferences: owner('DaemonSet') }), 'DaemonSet'],
    ['a bare pod', pod('a', { ownerReferences: [] }), 'no controller'],
    ['a bare pod that has ended', pod('a', { ownerReferences: [] }, { phase: 'Succeeded' }), undefined],
  ])('%s', (_name, one, reason) => {
    expect(sortOut([one], false).stay.map((stay) => stay.reason)).toEqual(reason ? [reason] : []);
  });

  test('a bare pod goes too when the host leaves for good', () => {
    expect(sortOut([pod('a', { ownerReferences: [] })], true).evict.size).toBe(1);
  });
});

/** A cluster with these pods on idc-1, where an eviction is answered by `evict`. */
async function cluster(all: readonly Pod[], evict: (name: string) => void) {
  const kubernetes = memoryKubernetes();
  await kubernetes.create(nodes, { metadata: { name: 'idc-1' } });
  for (const one of all) await kubernetes.create(pods, one);
  kubernetes.answer = (_method, path) => {
    if (path === '/api/v1')
      return { resources: [{ name: 'pods/eviction', group: 'policy', version: 'v1beta1' }] };
    evict(/pods\/([^/]+)\/eviction$/.exec(path)?.[1] ?? '');
    return {};
  };
  return kubernetes;
}

const options = { timeoutMs: 1000, evictUnmanaged: true, pollMs: 1 };

test('cordons, evicts with the version that the API server has, waits until all are gone', async () => {
  const progress: DrainProgress[] = [];
  const kubernetes = await cluster(
    [pod('a'), pod('b'), pod('d', { ownerReferences: owner('DaemonSet') })],
    (name) => {
      background('kubelet', kubernetes.remove(pods, name, { namespace: 'default' }));
    },
  );
  const result = await drain(kubernetes, idc1, { ...options, progress: (event) => progress.push(event) });
  expect(result.evictedPods.sort()).toEqual(['default/a', 'default/b']);
  expect(result.remainingPods).toEqual([{ pod: 'default/d', reason: 'DaemonSet' }]);
  expect(kubernetes.stored(nodes)[0]?.spec?.unschedulable).toBe(true);
  const evictions = kubernetes.requests.filter(({ method }) => method === 'POST');
  expect(evictions).toHaveLength(2);
  expect(evictions[0]?.body).toMatchObject({ apiVersion: 'policy/v1beta1', kind: 'Eviction' });
  expect(progress[0]).toEqual({ kind: 'cordoned' });
});

test('a budget that says no is asked again until it says yes', async () => {
  let refusals = 3;
  const kubernetes = await cluster([pod('a')], (name) => {
    if (refusals-- > 0) {
      throw new KubernetesFailure({ status: 429, reason: 'TooManyRequests', message: 'budget', request: '' });
    }
    background('kubelet', kubernetes.remove(pods, name, { namespace: 'default' }));
  });
  expect(await drain(kubernetes, idc1, options)).toEqual({
    evictedPods: ['default/a'],
    remainingPods: [],
  });
});

test('which budget it is stands in the causes', async () => {
  const cause = 'The disruption budget web needs 1 healthy pods and has 1 currently';
  const refusal = {
    status: 429,
    reason: 'TooManyRequests',
    message: 'Cannot evict pod',
    request: '',
    causes: [cause],
  };
  const kubernetes = await cluster([pod('web')], () => {
    throw new KubernetesFailure(refusal);
  });
  const { remainingPods } = await drain(kubernetes, idc1, { ...options, timeoutMs: 0 });
  expect(remainingPods).toEqual([{ pod: 'default/web', reason: cause }]);
});

test('a plan asks for each eviction without one, and cordons nothing', async () => {
  const daemon = pod('d', { ownerReferences: owner('DaemonSet') });
  const kubernetes = await cluster([pod('free'), pod('held'), daemon], (name) => {
    if (name === 'held')
      throw new KubernetesFailure({ status: 429, reason: 'TooManyRequests', message: 'budget', request: '' });
  });
  expect(await planDrain(kubernetes, idc1)).toEqual({
    evictedPods: ['default/free'],
    remainingPods: [
      { pod: 'default/d', reason: 'DaemonSet' },
      { pod: 'default/held', reason: 'budget' },
    ],
  });
  expect(kubernetes.stored(nodes)[0]?.spec?.unschedulable).toBeUndefined();
  const evictions = kubernetes.requests.filter(({ method }) => method === 'POST');
  expect(evictions).toHaveLength(2);
  for (const { body } of evictions) expect(body).toMatchObject({ deleteOptions: { dryRun: ['All'] } });
});

test('at the time limit what stays is named with its reason', async () => {
  let time = 0;
  const kubernetes = await cluster([pod('stuck'), pod('slow')], (name) => {
    if (name === 'stuck') {
      throw new KubernetesFailure({ status: 429, reason: 'TooManyRequests', message: 'budget', request: '' });
    }
  });
  const result = await drain(kubernetes, idc1, { ...options, now: () => (time += 300) });
  expect(result.evictedPods).toEqual([]);
  expect(result.remainingPods).toEqual([
    { pod: 'default/stuck', reason: 'budget' },
    { pod: 'default/slow', reason: 'still terminating at the time limit' },
  ]);
});

test('another pod under the same name is not evicted: the eviction names the uid', async () => {
  const kubernetes = await cluster([pod('a')], (name) => {
    background('kubelet', kubernetes.remove(pods, name, { namespace: 'default' }));
  });
  const [stored] = kubernetes.stored(pods);
  await drain(kubernetes, idc1, options);
  const [eviction] = kubernetes.requests.filter(({ method }) => method === 'POST');
  expect(eviction?.body).toMatchObject({ deleteOptions: { preconditions: { uid: stored?.metadata.uid } } });
});

test('a node that never registered is drained already', async () => {
  expect(await drain(memoryKubernetes(), idc1, options)).toEqual({ evictedPods: [], remainingPods: [] });
});

test('a Node that was there before the registration is not cordoned, and its pods stay', async () => {
  const kubernetes = await cluster([pod('a')], () => undefined);
  const late = registration({}, { creationTimestamp: '2030-01-01T00:00:00Z' });
  expect(await drain(kubernetes, late, options)).toEqual({ evictedPods: [], remainingPods: [] });
  expect(kubernetes.stored(nodes)[0]?.spec?.unschedulable).toBeUndefined();
  expect(kubernetes.requests).toEqual([]);
});

test('a failure that is no refusal ends the drain', async () => {
  const kubernetes = await cluster([pod('a')], () => {
    throw new KubernetesFailure({ status: 403, reason: 'Forbidden', message: 'no', request: '' });
  });
  await expect(drain(kubernetes, idc1, options)).rejects.toMatchObject({ reason: 'Forbidden' });
});

describe('uncordoning after an upgrade', () => {
  const isCordoned = async (node: RegisteredNode) => {
    const kubernetes = await cluster([], () => undefined);
    await kubernetes.patch(nodes, 'idc-1', { spec: { unschedulable: true } });
    await uncordon(kubernetes, node);
    return kubernetes.stored(nodes)[0]?.spec?.unschedulable ?? false;
  };

  test.each<[string, RegisteredNode, boolean]>([
    ['a node takes pods again', registration({}), false],
    ['one that its operator cordoned stays so', registration({ unschedulable: true }), true],
    ['one that is being removed stays so', registration({}, { deletionTimestamp: 'now' }), true],
  ])('%s', async (_what, node, expected) => {
    expect(await isCordoned(node)).toBe(expected);
  });

  test('a node that is gone is no matter', async () => {
    const kubernetes = memoryKubernetes();
    await uncordon(kubernetes, registration({}));
    expect(kubernetes.stored(nodes)).toEqual([]);
  });
});
