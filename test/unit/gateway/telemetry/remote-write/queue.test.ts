// The queue to the store: in order, bounded, and when it is full nobody loses by what another sends.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SampleQueue } from '../../../../../gateway/telemetry/remote-write/queue.ts';
import { OwnSeries } from '../../../../../gateway/telemetry/remote-write/series.ts';

const sources = Array.from({ length: 6 }, (_, index) => `idc-${index}`);
const seriesOf = new Map(sources.map((source) => [source, new OwnSeries(source, { __name__: 'x' })]));
const push = (queue: SampleQueue, source: string, value: number) =>
  queue.push(seriesOf.get(source) as OwnSeries, value, value);

test('one that sends without end loses its own, in whichever order they come', () => {
  const queue = new SampleQueue(100);
  for (let value = 0; value < 10; value += 1) push(queue, 'idc-1', value);
  for (let value = 0; value < 10_000; value += 1) push(queue, 'idc-2', value);
  for (let value = 10; value < 20; value += 1) push(queue, 'idc-1', value);
  const taken = queue.take(1000);
  const of = (source: string) =>
    taken.filter(({ series }) => series.source === source).map(({ value }) => value);
  expect(of('idc-1')).toEqual(Array.from({ length: 20 }, (_, index) => index));
  expect(of('idc-2')).toEqual(Array.from({ length: 80 }, (_, index) => 9920 + index));
});

test('of many that send alike all keep alike much, the newest', () => {
  const queue = new SampleQueue(60);
  for (let value = 0; value < 1000; value += 1) for (const source of sources) push(queue, source, value);
  const taken = queue.take(1000);
  expect(taken).toHaveLength(60);
  expect(new Set(taken.map(({ value }) => value))).toEqual(
    new Set(Array.from({ length: 10 }, (_, index) => 990 + index)),
  );
});

test('of a node with long labels fewer are taken at once, and what is there is a request sooner', () => {
  const queue = new SampleQueue(10_000);
  const long = new OwnSeries('idc-1', { __name__: 'x', text: '好'.repeat(2000) });
  for (let value = 0; value < 300; value += 1) queue.push(long, value, value);
  expect(queue.holds(5000)).toBe(false);
  for (let value = 300; value < 1000; value += 1) queue.push(long, value, value);
  expect(queue.holds(5000)).toBe(true);
  expect(queue.take(5000).length).toBeLessThan(400);
  while (queue.take(5000).length > 0);
  expect(queue.holds(5000)).toBe(false);
  for (let value = 0; value < 5000; value += 1) push(queue, 'idc-2', value);
  expect(queue.holds(5000)).toBe(true);
  expect(queue.take(5000)).toHaveLength(5000);
});

const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ push: fc.constantFrom(...sources), times: fc.integer({ min: 1, max: 30 }) }),
  },
  { weight: 1, arbitrary: fc.record({ take: fc.integer({ min: 1, max: 40 }), ofOneSource: fc.boolean() }) },
);

test('whatever is pushed and taken: each source’s in their order, none twice, and who has little loses nothing', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50 }), fc.array(step, { maxLength: 60 }), (capacity, steps) => {
      const queue = new SampleQueue(capacity);
      /** As it should be: all in order, of which the queue says how many went. */
      const waiting = new Map(sources.map((source) => [source, [] as number[]]));
      let [next, lost] = [0, 0];
      const total = () => [...waiting.values()].reduce((sum, { length }) => sum + length, 0);
      for (const one of steps) {
        if ('push' in one) {
          for (let count = 0; count < one.times; count += 1) {
            next += 1;
            if (!push(queue, one.push, next)) lost += 1;
            waiting.get(one.push)?.push(next);
          }
          continue;
        }
        for (const { series, value } of queue.take(one.take, one.ofOneSource)) {
          const own = waiting.get(series.source) ?? [];
          const at = own.indexOf(value);
          expect(at).toBeGreaterThanOrEqual(0);
          lost -= at;
          own.splice(0, at + 1);
        }
      }
      expect(queue.length).toBeLessThanOrEqual(capacity);
      expect(queue.length).toBe(total() - lost);
      const before = Map.groupBy(queue.take(1000), ({ series }) => series.source);
      for (const [source, samples] of before)
        expect(samples.map(({ value }) => value)).toEqual(waiting.get(source)?.slice(-samples.length));
      expect(queue.length).toBe(0);
    }),
  );
});
