// What is written onto a Node: ours is kept right, what others put there stays.
import { describe, expect, test } from 'vitest';
import type { NodeObject } from '../../../../gateway/kubernetes/kinds.ts';
import { appliedAnnotation, type NodeWish, nodePatch } from '../../../../gateway/nodes/applied.ts';

const wish: NodeWish = {
  labels: { a: '1' },
  taints: [{ key: 'idc', effect: 'NoSchedule' }],
  unschedulable: false,
};
const applied = JSON.stringify({ labels: ['a'], taints: ['idc:NoSchedule'], unschedulable: false });

function node(change: Partial<NodeObject['metadata']> = {}, spec: NodeObject['spec'] = {}): NodeObject {
  return { metadata: { name: 'idc-1', resourceVersion: '7', ...change }, spec };
}

const settled = node(
  { labels: { a: '1' }, annotations: { [appliedAnnotation]: applied } },
  { taints: [{ key: 'idc', effect: 'NoSchedule' }] },
);

test('a node that is as wished is not written', () => {
  expect(nodePatch(settled, wish)).toBeUndefined();
});

test('a new node gets labels, taints and the annotation', () => {
  expect(nodePatch(node(), wish)).toEqual({
    metadata: { resourceVersion: '7', labels: { a: '1' }, annotations: { [appliedAnnotation]: applied } },
    spec: { taints: wish.taints },
  });
});

describe('labels', () => {
  test('one that was changed by hand is put back', () => {
    const changed = { ...settled, metadata: { ...settled.metadata, labels: { a: '2', other: 'x' } } };
    expect(nodePatch(changed, wish)).toMatchObject({ metadata: { labels: { a: '1' } } });
  });

  test('one that left the pool leaves the node; one that we never wrote stays', () => {
    const labels = { a: '1', other: 'x' };
    const patch = nodePatch(node({ labels, annotations: { [appliedAnnotation]: applied } }), {
      ...wish,
      labels: {},
    });
    expect(patch).toMatchObject({ metadata: { labels: { a: null } } });
    expect(patch).not.toHaveProperty('metadata.labels.other');
  });
});

describe('taints', () => {
  const others = [{ key: 'node.kubernetes.io/not-ready', effect: 'NoExecute', timeAdded: 'then' }];

  test("somebody else's stay, and the patch conflicts if they change meanwhile", () => {
    const patch = nodePatch(node({}, { taints: others }), wish);
    expect(patch).toMatchObject({
      metadata: { resourceVersion: '7' },
      spec: { taints: [...others, ...wish.taints] },
    });
  });

  test('one that left the pool leaves the node', () => {
    const before = node(settled.metadata, { taints: [...others, { key: 'idc', effect: 'NoSchedule' }] });
    expect(nodePatch(before, { ...wish, taints: [] })).toMatchObject({ spec: { taints: others } });
  });

  test('another value of the same key and effect takes its place', () => {
    const patch = nodePatch(settled, { ...wish, taints: [{ key: 'idc', value: 'b', effect: 'NoSchedule' }] });
    expect(patch).toMatchObject({ spec: { taints: [{ key: 'idc', value: 'b', effect: 'NoSchedule' }] } });
  });
});

describe('cordon', () => {
  test('is written when the wish changes, both ways', () => {
    expect(nodePatch(settled, { ...wish, unschedulable: true })).toMatchObject({
      spec: { unschedulable: true },
    });
    const cordoned = node(
      {
        labels: { a: '1' },
        annotations: { [appliedAnnotation]: applied.replace('false', 'true') },
      },
      { taints: wish.taints, unschedulable: true },
    );
    expect(nodePatch(cordoned, wish)).toMatchObject({ spec: { unschedulable: null } });
  });

  test('kubectl cordon and uncordon are not fought', () => {
    expect(nodePatch({ ...settled, spec: { ...settled.spec, unschedulable: true } }, wish)).toBeUndefined();
  });
});

test('an annotation that somebody broke begins anew', () => {
  const broken = node({ ...settled.metadata, annotations: { [appliedAnnotation]: '{' } }, settled.spec);
  expect(nodePatch(broken, wish)).toMatchObject({
    metadata: { annotations: { [appliedAnnotation]: applied } },
  });
});
