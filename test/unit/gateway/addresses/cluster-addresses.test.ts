// What a join and a certificate learn of Services, and how often the API server is read for it.

import { beforeEach, expect, test } from 'vitest';
import { ClusterAddresses } from '../../../../gateway/addresses/cluster-addresses.ts';
import { PodAddresses } from '../../../../gateway/addresses/pod-addresses.ts';
import { pods, services } from '../../../../gateway/kubernetes/kinds.ts';
import { AnswerTooLarge } from '../../../../gateway/kubernetes/kubernetes.ts';
import { Fault } from '../../../../protocol/catalogue/fault.ts';
import { type MemoryKubernetes, memoryKubernetes } from '../memory-kubernetes.ts';

let kubernetes: MemoryKubernetes;
let cluster: ClusterAddresses;
let nowMs: number;
/** Lists of Services that were asked for. */
let lists: number;
beforeEach(() => {
  kubernetes = memoryKubernetes();
  nowMs = 1_000_000;
  lists = 0;
  kubernetes.before = (verb, plural) => {
    if (verb === 'list' && plural === 'services') lists++;
  };
  cluster = new ClusterAddresses({ kubernetes, isRegistered: () => false, now: () => nowMs });
});

const addService = (name: string, clusterIP: string) =>
  kubernetes.create(services, { metadata: { name, namespace: 'default' }, spec: { clusterIP } });

test('a join sees a Service that was made after the last reading', async () => {
  expect((await cluster.fresh()).holders.size).toBe(0);
  await addService('hook', '10.96.7.7');
  expect((await cluster.fresh()).holders.get('10.96.7.7'), 'what was read is young enough').toBeUndefined();
  const { holders } = await cluster.readNow();
  expect([holders.get('10.96.7.7'), holders.get('hook.default')]).toMatchObject([
    [{ name: 'default/hook' }],
    [{ name: 'default/hook' }],
  ]);
  expect((await cluster.fresh()).holders.has('10.96.7.7')).toBe(true);
});

test('a certificate takes what is 15 s old at most', async () => {
  await cluster.fresh();
  nowMs += 14_999;
  await cluster.fresh();
  expect(lists).toBe(1);
  nowMs += 1;
  await cluster.fresh();
  expect(lists).toBe(2);
});

test('a hundred joins beside a reading share the one after it, which begins after they asked', async () => {
  const first = cluster.readNow();
  await addService('late', '10.96.8.8');
  const joins = Array.from({ length: 100 }, () => cluster.readNow());
  await first;
  const read = await Promise.all(joins);
  expect(read.every(({ holders }) => holders.has('10.96.8.8'))).toBe(true);
  expect(lists).toBe(2);
});

test('a reading that fails fails those who waited for it, and the one after it is made all the same', async () => {
  kubernetes.before = (_, plural) => {
    if (plural === 'services' && ++lists === 1) throw new Error('the API server is away');
  };
  const first = cluster.readNow();
  const second = cluster.readNow();
  await expect(first).rejects.toThrow('away');
  expect((await second).ranges).toEqual([]);
  expect((await cluster.readNow()).holders.size).toBe(0);
});

test('the second address of a pod is found in one reading for all who wait, and in none for the first family', async () => {
  for (const n of [1, 2, 3]) {
    const podIPs = [{ ip: `10.50.1.${n}` }, { ip: `fd00:50::${n}` }];
    await kubernetes.create(pods, {
      metadata: { name: `pod-${n}`, namespace: 'web' },
      spec: { nodeName: 'cloud-1' },
      status: { phase: 'Running', podIPs },
    });
  }
  let whole = 0;
  kubernetes.before = (verb, plural, options) => {
    const { fieldSelector } = options as { fieldSelector?: string };
    if (verb === 'list' && plural === 'pods' && fieldSelector === undefined) whole++;
  };
  const asked = [1, 2, 3, 4].map((n) => [`fd00:50::${n}`]);
  const found = await Promise.all(asked.map((addresses) => cluster.pods(addresses)));
  expect(found.map((one) => [...one.values()].flat().map(({ name }) => name))).toEqual([
    ...[['web/pod-1'], ['web/pod-2'], ['web/pod-3'], []],
  ]);
  expect(whole).toBe(1);
  await cluster.pods(['10.50.1.9']);
  expect(whole).toBe(1);
});

test('an address with more pods than are read belongs to them, and so many bytes are read', async () => {
  let mostBytes: number | undefined;
  kubernetes.before = (verb, plural, options) => {
    if (verb !== 'list' || plural !== 'pods') return;
    ({ mostBytes } = options as { mostBytes?: number });
    throw new Fault('KUBERNETES_UNREACHABLE', {}, { cause: new AnswerTooLarge('too large') });
  };
  const holders = (await cluster.pods(['10.50.1.1'])).get('10.50.1.1');
  expect(holders).toMatchObject([{ kind: 'Pod', sinceMs: Number.POSITIVE_INFINITY }]);
  expect(mostBytes).toBeLessThanOrEqual(4 * 1024 * 1024);
});

test('nodes that name new second addresses without end have all pods read at a pace', async () => {
  let whole = 0;
  kubernetes.before = (verb, plural) => {
    if (verb === 'list' && plural === 'pods') whole++;
  };
  const readingEveryMs = 100;
  const begun = performance.now();
  const found = new PodAddresses({ kubernetes, isRegistered: () => false, readingEveryMs });
  for (let times = 0; times < 5; times++) await found.bySecond([`fd00:50::${times}`], 4);
  expect(whole).toBe(5);
  expect(performance.now() - begun).toBeGreaterThan(4 * readingEveryMs - 20);
});
