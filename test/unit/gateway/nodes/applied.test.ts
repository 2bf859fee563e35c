// What is written onto a Node: ours is kept right, what others put there stays, and the Node itself
// does not say which is which.
import { describe, expect, test } from 'vitest';
import type { NodeObject } from '../../../../gateway/kubernetes/kinds.ts';
import {
  appliedOf,
  type DesiredNode,
  formerAnnotation,
  nodePatches,
  nodeWriting,
} from '../../../../gateway/nodes/applied.ts';
import type { Applied, RegisteredNode } from '../../../../gateway/resources/registered-node.ts';

const desired: DesiredNode = {
  labels: { a: '1' },
  taints: [{ key: 'idc', effect: 'NoSchedule' }],
  unschedulable: false,
};
const applied: Applied = { labels: ['a'], taints: ['idc:NoSchedule'], unschedulable: false };
const nothing: Applied = { labels: [], taints: [], unschedulable: false };

function node(change: Partial<NodeObject['metadata']> = {}, spec: NodeObject['spec'] = {}): NodeObject {
  return { metadata: { name: 'idc-1', uid: 'n1', resourceVersion: '7', ...change }, spec };
}

const isThis = { op: 'test', path: '/metadata/uid', value: 'n1' };
/** What is written beside taints. */
const nodePatch = (...of: Parameters<typeof nodePatches>) =>
  nodePatches(...of).find(({ type }) => type === 'merge')?.body;
const taintPatches = (...of: Parameters<typeof nodePatches>) =>
  nodePatches(...of).flatMap(({ type, body }) => (type === 'json' ? [body] : []));

const settled = node({ labels: { a: '1' } }, { taints: [{ key: 'idc', effect: 'NoSchedule' }] });

test('a node that is as desired is not written', () => {
  expect(nodeWriting(settled, desired, applied)).toEqual({ begun: applied, patches: [], done: applied });
});

test('a new node gets labels and taints, and no other Node of that name does', () => {
  expect(nodePatches(node(), desired, nothing)).toEqual([
    {
      type: 'json',
      body: [
        isThis,
        { op: 'test', path: '/spec/taints', value: null },
        { op: 'add', path: '/spec/taints', value: desired.taints },
      ],
    },
    { type: 'merge', body: { metadata: { uid: 'n1', labels: { a: '1' } }, spec: {} } },
  ]);
});

describe('what the kubelet may write says nothing about what is ours', () => {
  const claim = JSON.stringify({
    labels: ['node-restriction.kubernetes.io/tier'],
    taints: ['quarantine:NoExecute'],
    unschedulable: true,
  });
  const labels = { a: '1', 'node-restriction.kubernetes.io/tier': 'secret' };
  const taints = [
    { key: 'quarantine', effect: 'NoExecute' },
    { key: 'idc', effect: 'NoSchedule' },
  ];
  const hostile = node(
    { labels, annotations: { [formerAnnotation]: claim } },
    { taints, unschedulable: true },
  );

  test('an administrator’s label, taint and cordon stay; the annotation of before goes', () => {
    expect(nodePatch(hostile, desired, applied)).toEqual({
      metadata: { uid: 'n1', labels: {}, annotations: { [formerAnnotation]: null } },
      spec: {},
    });
  });
});

describe('what is remembered', () => {
  const registered = (status: RegisteredNode['status']): RegisteredNode => ({
    metadata: { name: 'idc-1' },
    spec: { pool: 'idc', machineId: '', keySha256: '', addresses: [] },
    ...(status ? { status } : {}),
  });

  test('counts for the very Node that it was written onto', () => {
    expect(appliedOf(registered({ nodeUid: 'n1', applied }), node())).toEqual(applied);
    expect(appliedOf(registered({ nodeUid: 'n0', applied }), node())).toEqual(nothing);
    expect(appliedOf(registered(undefined), node())).toEqual(nothing);
  });

  test.each<[string, unknown]>([
    ['no object', 'x'],
    ['a key too few', { labels: [], taints: [] }],
    ['a key too many', { ...applied, more: 1 }],
    ['labels that are no texts', { ...applied, labels: [1] }],
  ])('begins anew when its form is wrong: %s', (_what, broken) => {
    expect(appliedOf(registered({ nodeUid: 'n1', applied: broken as Applied }), node())).toEqual(nothing);
  });

  test('a label is ours before it is written, and until after it was taken away', () => {
    const writing = nodeWriting(settled, { ...desired, labels: { b: '2' } }, applied);
    expect(writing.begun.labels).toEqual(['a', 'b']);
    expect(writing.patches[0]?.body).toMatchObject({ metadata: { labels: { a: null, b: '2' } } });
    expect(writing.done.labels).toEqual(['b']);
  });

  test('a cordon is remembered only when it is done, so that one that was cut off is made up for', () => {
    const writing = nodeWriting(settled, { ...desired, unschedulable: true }, applied);
    expect(writing).toMatchObject({ begun: { unschedulable: false }, done: { unschedulable: true } });
  });
});

describe('labels', () => {
  test('one that was changed by hand is put back', () => {
    const changed = { ...settled, metadata: { ...settled.metadata, labels: { a: '2', other: 'x' } } };
    expect(nodePatch(changed, desired, applied)).toMatchObject({ metadata: { labels: { a: '1' } } });
  });

  test('one that left the pool leaves the node; one that we never wrote stays', () => {
    const labels = { a: '1', other: 'x' };
    const patch = nodePatch(node({ labels }), { ...desired, labels: {} }, applied);
    expect(patch).toMatchObject({ metadata: { labels: { a: null } } });
    expect(patch).not.toHaveProperty('metadata.labels.other');
  });
});

describe('taints', () => {
  const others = [{ key: 'node.kubernetes.io/not-ready', effect: 'NoExecute', timeAdded: 'then' }];

  test("somebody else's stay, and ours comes to them whatever else has come or gone meanwhile", () => {
    expect(taintPatches(node({}, { taints: others }), desired, nothing)).toEqual([
      [isThis, { op: 'add', path: '/spec/taints/-', value: desired.taints[0] }],
    ]);
  });

  test('one that left the pool leaves the node, where it is still in its place', () => {
    const before = node(settled.metadata, { taints: [...others, { key: 'idc', effect: 'NoSchedule' }] });
    expect(taintPatches(before, { ...desired, taints: [] }, applied)).toEqual([
      [
        isThis,
        { op: 'test', path: '/spec/taints/1', value: { key: 'idc', effect: 'NoSchedule' } },
        { op: 'remove', path: '/spec/taints/1' },
      ],
    ]);
  });

  test('another value of the same key and effect takes its place, and a new one waits for nothing', () => {
    const [value, more] = [
      { key: 'idc', value: 'b', effect: 'NoSchedule' },
      { key: 'more', effect: 'NoSchedule' },
    ];
    expect(taintPatches(settled, { ...desired, taints: [value, more] }, applied)).toEqual([
      [isThis, { op: 'add', path: '/spec/taints/-', value: more }],
      [
        isThis,
        { op: 'test', path: '/spec/taints/0', value: { key: 'idc', effect: 'NoSchedule' } },
        { op: 'remove', path: '/spec/taints/0' },
        { op: 'add', path: '/spec/taints/-', value },
      ],
    ]);
  });
});

describe('cordon', () => {
  test('is written when what is desired changes, both ways', () => {
    expect(nodePatch(settled, { ...desired, unschedulable: true }, applied)).toMatchObject({
      spec: { unschedulable: true },
    });
    const cordoned = node({ labels: { a: '1' } }, { taints: desired.taints, unschedulable: true });
    expect(nodePatch(cordoned, desired, { ...applied, unschedulable: true })).toMatchObject({
      spec: { unschedulable: null },
    });
  });

  test('kubectl cordon and uncordon are not fought', () => {
    const cordoned = { ...settled, spec: { ...settled.spec, unschedulable: true } };
    expect(nodePatch(cordoned, desired, applied)).toBeUndefined();
  });
});
