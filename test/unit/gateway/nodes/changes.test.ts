// Operators' changes to one node: kept in the registration, seen on the Node at once.
import { beforeEach, expect, test } from 'vitest';
import { nodes } from '../../../../gateway/kubernetes/kinds.ts';
import { changedSpec, changeNode } from '../../../../gateway/nodes/changes.ts';
import { nodePools } from '../../../../gateway/resources/node-pool.ts';
import { registeredNodes } from '../../../../gateway/resources/registered-node.ts';
import { type MemoryKubernetes, memoryKubernetes } from '../memory-kubernetes.ts';
import { pool } from '../pool.ts';

const spec = { pool: 'idc', machineId: '', keySha256: '', addresses: [] };
let kubernetes: MemoryKubernetes;

beforeEach(async () => {
  kubernetes = memoryKubernetes();
  await kubernetes.create(nodePools, pool('idc', { labels: { zone: 'a' } }));
  await kubernetes.create(registeredNodes, { metadata: { name: 'idc-1' }, spec });
  const status = { joinedAt: '2026-01-01T00:00:00.000Z' };
  await kubernetes.patch(registeredNodes, 'idc-1', { status }, { subresource: 'status' });
  await kubernetes.create(nodes, { metadata: { name: 'idc-1', labels: { theirs: 'x', zone: 'a' } } });
});

const node = () => kubernetes.stored(nodes)[0];

test('a label is in the registration and on the Node', async () => {
  expect(await changeNode(kubernetes, 'idc-1', { labels: { disk: 'ssd' } })).toBe(true);
  expect(kubernetes.stored(registeredNodes)[0]?.spec.labels).toEqual({ disk: 'ssd' });
  expect(node()?.metadata.labels).toEqual({ theirs: 'x', zone: 'a', disk: 'ssd', 'regnode.io/pool': 'idc' });
});

test('the same again changes nothing', async () => {
  await changeNode(kubernetes, 'idc-1', { labels: { disk: 'ssd' } });
  expect(await changeNode(kubernetes, 'idc-1', { labels: { disk: 'ssd' } })).toBe(false);
});

test('a label taken away by name goes, also one that kubectl had set; one of the pool stays', async () => {
  await changeNode(kubernetes, 'idc-1', { labels: { theirs: null, zone: null } });
  expect(node()?.metadata.labels).toEqual({ zone: 'a', 'regnode.io/pool': 'idc' });
});

test('a node that the kubelet has not registered yet keeps what is desired', async () => {
  await kubernetes.remove(nodes, 'idc-1');
  expect(await changeNode(kubernetes, 'idc-1', { unschedulable: true })).toBe(true);
  expect(kubernetes.stored(registeredNodes)[0]?.spec.unschedulable).toBe(true);
});

test('cordon holds even when kubectl had undone it before', async () => {
  await changeNode(kubernetes, 'idc-1', { unschedulable: true });
  await kubernetes.patch(nodes, 'idc-1', { spec: { unschedulable: null } });
  await changeNode(kubernetes, 'idc-1', { unschedulable: true });
  expect(node()?.spec?.unschedulable).toBe(true);
  await changeNode(kubernetes, 'idc-1', { unschedulable: false });
  expect(node()?.spec?.unschedulable).toBeUndefined();
});

test('a taint goes by name before the gateway has seen it', async () => {
  const taint = { key: 'idc', effect: 'NoSchedule' } as const;
  await changeNode(kubernetes, 'idc-1', { taints: { set: [taint], remove: [] } });
  expect(node()?.spec?.taints).toEqual([taint]);
  await changeNode(kubernetes, 'idc-1', { taints: { set: [], remove: [{ key: 'idc' }] } });
  expect(node()?.spec?.taints).toEqual([]);
});

test('an operator’s change writes no status: what the gateway remembers is its own', async () => {
  const written: string[] = [];
  kubernetes.before = (verb) => void (/^(get|list)/.test(verb) || written.push(verb));
  await changeNode(kubernetes, 'idc-1', { labels: { disk: 'ssd' }, unschedulable: true });
  expect(new Set(written)).toEqual(new Set(['replace', 'patch']));
});

test('a Node of that name that is not this registration’s is not written', async () => {
  await kubernetes.patch(registeredNodes, 'idc-1', { status: { joinedAt: null } }, { subresource: 'status' });
  const before = node();
  await changeNode(kubernetes, 'idc-1', { labels: { disk: 'ssd', theirs: null }, unschedulable: true });
  expect(node()).toEqual(before);
});

test('taints: set replaces key and effect, removal by key takes every effect', () => {
  const before = changedSpec(spec, {
    taints: {
      set: [
        { key: 'a', value: '1', effect: 'NoSchedule' },
        { key: 'a', effect: 'NoExecute' },
        { key: 'b', effect: 'NoSchedule' },
      ],
      remove: [],
    },
  });
  const replaced = changedSpec(before, {
    taints: { set: [{ key: 'a', value: '2', effect: 'NoSchedule' }], remove: [{ key: 'b' }] },
  });
  expect(replaced.taints).toEqual([
    { key: 'a', effect: 'NoExecute' },
    { key: 'a', value: '2', effect: 'NoSchedule' },
  ]);
  expect(
    changedSpec(replaced, { taints: { set: [], remove: [{ key: 'a', effect: 'NoExecute' }] } }).taints,
  ).toEqual([{ key: 'a', value: '2', effect: 'NoSchedule' }]);
});
