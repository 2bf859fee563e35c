// A node's series, put together from what its node has and what all nodes have, is
// the series encoded as a whole.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  encodeShared,
  NodePart,
  NodeSeries,
  OwnSeries,
  type Series,
} from '../../../../../gateway/telemetry/remote-write/series.ts';
import { SharedLabels } from '../../../../../gateway/telemetry/remote-write/shared-labels.ts';
import type { Column } from '../../../../../protocol/telemetry/description.ts';

const value = fc.oneof(fc.constant(''), fc.constant('größe'), fc.string({ maxLength: 300 }));
const labels = fc.dictionary(
  fc.oneof(
    fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,12}$/),
    // Before, between and after the labels of a node, and right beside them.
    fc.constantFrom(
      '__name__',
      'a',
      'inst',
      'instance_',
      'iz',
      'job_',
      'k',
      'nod',
      'node_',
      'o',
      'poo',
      'pool_',
      'z',
    ),
  ),
  value,
);

function written(series: Series): Buffer {
  const bytes = Buffer.alloc(series.labelBytes + 3);
  expect(series.writeLabels(bytes, 3), 'as many as it says').toBe(bytes.length);
  return bytes.subarray(3);
}

test('whatever the labels are, those of the node among them', () => {
  fc.assert(
    fc.property(labels, value, value, (others, node, pool) => {
      const own = { instance: node, job: 'regnode', node, pool };
      const series = new NodeSeries(
        new NodePart(node, own),
        encodeShared({ ...others, job: 'somebody else' }),
      );
      const whole = new OwnSeries(node, { ...others, ...own });
      expect(series.source).toBe(whole.source);
      expect(written(series)).toEqual(written(whole));
    }),
  );
});

test('what the operator has written on everything is not what a node says instead', () => {
  const column: Column = { name: 'up', type: 'gauge', labels: { site: 'b' } };
  const shared = new SharedLabels({ cluster: 'prod', site: 'a' });
  const [part] = shared.of({ labels: { cluster: 'other', device: 'sda' }, columns: [column] });
  const own = encodeShared({ cluster: 'prod', site: 'a', device: 'sda', __name__: 'up' });
  expect(part?.bytes).toEqual(own.bytes);
});

test('what many nodes have in common is kept once, and never more than so much of it', () => {
  const columns: readonly Column[] = [
    { name: 'node_load1', type: 'gauge' },
    { name: 'node_load5', type: 'gauge' },
  ];
  const shared = new SharedLabels({ cluster: 'east' });
  const first = shared.of({ labels: { device: 'x' }, columns });
  expect(first).toHaveLength(2);
  expect(shared.of({ labels: { device: 'x' }, columns: structuredClone(columns) })).toBe(first);
  const other = shared.of({ labels: { device: 'y' }, columns });
  expect(other[0]?.pieces).not.toEqual(first[0]?.pieces);
  for (let index = 0; index < 20_000; index++) shared.of({ labels: { device: String(index) }, columns: [] });
  const again = shared.of({ labels: { device: 'x' }, columns });
  expect(again, 'forgotten, and made again alike').not.toBe(first);
  expect(again).toEqual(first);
});
