// Drains: what is evicted, what stays and why, and what happens when a disruption budget says no.

import { describe, expect, test, vi } from 'vitest';
import { nodes, type Pod, pods } from '../../../../gateway/kubernetes/kinds.ts';
import { KubernetesFailure } from '../../../../gateway/kubernetes/kubernetes.ts';
import { uncordon } from '../../../../gateway/nodes/cordon.ts';
import { drain, planDrain } from '../../../../gateway/nodes/drain.ts';
import { sortOut } from '../../../../gateway/nodes/eviction.ts';
import { type DrainProgress, NodeDrain } from '../../../../gateway/nodes/node-drain.ts';
import type { RegisteredNode } from '../../../../gateway/resources/registered-node.ts';
import { Fault } from '../../../../protocol/catalogue/fault.ts';
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

describe('an eviction that is refused by something else than a budget', () => {
  const denied = 'admission webhook "pods.example.com" denied the request: not today';
  const failures: readonly [string, Error, string][] = [
    [
      'a webhook’s word',
      new KubernetesFailure({ status: 403, reason: 'Forbidden', message: denied, request: '' }),
      `the eviction fails: ${denied}`,
    ],
    [
      'a webhook that is broken',
      new KubernetesFailure({ status: 500, reason: 'InternalError', message: '', request: '' }),
      'the eviction fails: status 500',
    ],
    ['an API server that does not answer', new Fault('KUBERNETES_UNREACHABLE', { detail: 'gone' }), 'gone'],
  ];
  test.each(failures)('%s is told by pod and asked again; the others go', async (_what, failure, reason) => {
    let refusals = 3;
    const progress: DrainProgress[] = [];
    const kubernetes = await cluster([pod('held'), pod('free')], (name) => {
      if (name === 'held' && refusals-- > 0) throw failure;
      background('kubelet', kubernetes.remove(pods, name, { namespace: 'default' }));
    });
    const asked = { ...options, timeoutMs: 30_000, progress: (event: DrainProgress) => progress.push(event) };
    const { evictedPods, remainingPods } = await drain(kubernetes, idc1, asked);
    expect(evictedPods).toEqual(['default/free', 'default/held']);
    expect(remainingPods).toEqual([]);
    const told = progress.filter(({ kind }) => kind === 'refused');
    expect(told).toMatchObject([{ pod: 'default/held', reason: expect.stringContaining(reason) }]);
  });

  test.each(failures)(
    '%s stands beside the pod at the time limit, and in a plan',
    async (_what, failure, reason) => {
      const kubernetes = await cluster([pod('held')], () => {
        throw failure;
      });
      const remainingPods = [{ pod: 'default/held', reason: expect.stringContaining(reason) }];
      expect(await drain(kubernetes, idc1, { ...options, timeoutMs: 0 })).toMatchObject({ remainingPods });
      expect(await planDrain(kubernetes, idc1)).toMatchObject({ evictedPods: [], remainingPods });
    },
  );

  test('its reason fits into an answer', async () => {
    const message = 'x'.repeat(5000);
    const kubernetes = await cluster([pod('held')], () => {
      throw new KubernetesFailure({ status: 500, reason: 'InternalError', message, request: '' });
    });
    const { remainingPods } = await drain(kubernetes, idc1, { ...options, timeoutMs: 0 });
    expect(remainingPods[0]?.reason.length).toBeLessThanOrEqual(512);
  });
});

describe('pods that can’t be listed', () => {
  const unavailable = new KubernetesFailure({ status: 503, reason: 'Unavailable', message: '', request: '' });
  const failing = async (isAway: (lists: number) => boolean) => {
    const kubernetes = await cluster([pod('a')], (name) => {
      background('kubelet', kubernetes.remove(pods, name, { namespace: 'default' }));
    });
    let lists = 0;
    kubernetes.before = (verb, plural) => {
      if (verb === 'list' && plural === 'pods' && isAway(++lists)) throw unavailable;
    };
    return kubernetes;
  };

  test('end a drain that has not begun', async () => {
    const kubernetes = await failing(() => true);
    await expect(drain(kubernetes, idc1, options)).rejects.toMatchObject({ reason: 'Unavailable' });
  });

  test('end none that goes on, unless they can’t be until its time is over', async () => {
    const passing = await failing((lists) => lists === 2 || lists === 3);
    const long = { ...options, timeoutMs: 30_000 };
    expect(await drain(passing, idc1, long)).toMatchObject({ evictedPods: ['default/a'] });
    const lasting = await failing((lists) => lists > 1);
    await expect(drain(lasting, idc1, { ...options, timeoutMs: 20 })).rejects.toMatchObject({
      reason: 'Unavailable',
    });
  });
});

describe('of those who ask for a drain of the same node', () => {
  const refusing = () => {
    throw new KubernetesFailure({ status: 429, reason: 'TooManyRequests', message: 'budget', request: '' });
  };

  test('each is answered at its own time, of what it asked for; evicted is once for all', async () => {
    let now = 0;
    const kubernetes = await cluster([pod('held'), pod('bare', { ownerReferences: [] })], refusing);
    const node = new NodeDrain(kubernetes, 'idc-1', { now: () => now, pollMs: 1 });
    const progress = () => {
      now += 100; // each hears of two pods: one that waits goes on being refused
    };
    const leaves = node.ask(idc1, { timeoutMs: 300_000, evictUnmanaged: true });
    const upgrade = node.ask(idc1, { timeoutMs: 0, evictUnmanaged: false, progress });
    expect(await upgrade).toEqual({
      evictedPods: [],
      remainingPods: [
        { pod: 'default/bare', reason: 'no controller' },
        { pod: 'default/held', reason: 'budget' },
      ],
    });
    expect(node.isIdle).toBe(false);
    now += 300_000;
    expect(await leaves).toMatchObject({
      remainingPods: [
        { pod: 'default/held', reason: 'budget' },
        { pod: 'default/bare', reason: 'budget' },
      ],
    });
    expect(node.isIdle).toBe(true);
  });

  test('a list that took long is made again after ten times as long, and nobody is answered late', async () => {
    const kubernetes = await cluster([pod('held')], refusing);
    const listMs = 20;
    const begun: number[] = [];
    let now = 0;
    kubernetes.before = (verb, plural) => {
      if (verb !== 'list' || plural !== 'pods') return;
      begun.push(performance.now());
      now += listMs;
    };
    const node = new NodeDrain(kubernetes, 'idc-1', { now: () => now, pollMs: 1 });
    // Each of the first two lists is a part of one round.
    const answer = node.ask(idc1, { timeoutMs: 20 * listMs, evictUnmanaged: true });
    await vi.waitFor(() => expect(begun.length).toBeGreaterThanOrEqual(4));
    const [, first = 0, second = 0, third = 0] = begun;
    expect(second - first).toBeGreaterThan(9 * listMs);
    expect(third - second).toBeGreaterThan(9 * listMs);
    now += 20 * listMs;
    expect(await answer).toMatchObject({ remainingPods: [{ pod: 'default/held' }] });
  });

  test('eight ask as often as one does', async () => {
    const kubernetes = await cluster([pod('held')], refusing);
    const node = new NodeDrain(kubernetes, 'idc-1', { now: () => 0, pollMs: 1 });
    const all = Array.from({ length: 8 }, (_, index) =>
      node.ask(idc1, { timeoutMs: 1000 + index, evictUnmanaged: true }),
    );
    const evictions = () => kubernetes.requests.filter(({ method }) => method === 'POST').length;
    let lists = 0;
    kubernetes.before = (verb, plural) => {
      if (verb === 'list' && plural === 'pods') lists += 1;
    };
    await vi.waitFor(() => expect(evictions()).toBeGreaterThan(10));
    // One round lists twice at most, when somebody has come.
    expect(lists).toBeLessThanOrEqual(evictions() + 3);
    node.stop();
    for (const { remainingPods } of await Promise.all(all))
      expect(remainingPods).toEqual([{ pod: 'default/held', reason: 'budget' }]);
  });
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
