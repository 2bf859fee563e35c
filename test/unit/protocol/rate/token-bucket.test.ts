// The bucket against a model of it that keeps every take, on a clock of the test's own; and that
// keys cost a bounded memory.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RepeatFilter } from '../../../../protocol/rate/repeat-filter.ts';
import { TokenBucket, TokenBuckets } from '../../../../protocol/rate/token-bucket.ts';

const limits = fc.record({
  burst: fc.integer({ min: 1, max: 1_000_000 }),
  perSecond: fc.double({ min: 0.01, max: 1_000_000, noNaN: true }),
});
/** How much the clock moves (also back), and how much of the burst is asked for. */
const steps = fc.array(
  fc.tuple(fc.integer({ min: -5000, max: 20_000 }), fc.double({ min: 0, max: 1, noNaN: true })),
  { maxLength: 100 },
);

describe('a bucket', () => {
  test('gives no more than burst and rate in any stretch of time, and a clock set back fills nothing', () => {
    fc.assert(
      fc.property(limits, steps, ({ burst, perSecond }, asked) => {
        const bucket = new TokenBucket({ burst, perSecond }, 0);
        /** The sum of what was taken and of the time that went forward, at each take. */
        const sums: { taken: number; forwardMs: number }[] = [];
        let [now, forwardMs, taken] = [0, 0, 0];
        for (const [byMs, part] of asked) {
          now += byMs;
          forwardMs += Math.max(0, byMs);
          const before = taken;
          if (bucket.take(part * burst, now)) taken += part * burst;
          sums.push({ taken: before, forwardMs });
          for (const from of sums) {
            const allowed = burst + ((forwardMs - from.forwardMs) / 1000) * perSecond;
            expect(taken - from.taken).toBeLessThanOrEqual(allowed * (1 + 1e-6) + 1e-6);
          }
        }
      }),
    );
  });

  test('says how long to wait: then it gives, and a second sooner it does not', () => {
    fc.assert(
      fc.property(limits, steps, fc.double({ min: 0.001, max: 1, noNaN: true }), (given, asked, part) => {
        const bucket = new TokenBucket(given, 0);
        let now = 0;
        for (const [byMs, of] of asked) {
          now += Math.abs(byMs);
          bucket.spend(of * given.burst, now);
        }
        const amount = part * given.burst;
        const waitMs = bucket.waitMs(amount, now);
        if (waitMs > 1000) expect(bucket.take(amount, now + waitMs - 1000)).toBe(false);
        expect(bucket.take(amount, now + waitMs)).toBe(true);
      }),
    );
  });

  test('who spends without end waits no longer than the debt takes', () => {
    const bucket = new TokenBucket({ burst: 20, perSecond: 0.5, debt: 10 }, 0);
    for (let count = 0; count < 1000; count++) bucket.spend(1, 0);
    expect(bucket.waitMs(1, 0)).toBe(22_000);
    expect(bucket.waitMs(1, 22_000)).toBe(0);
  });

  test('what is given back can be taken again, and never more than the bucket holds', () => {
    const bucket = new TokenBucket({ burst: 2, perSecond: 1 }, 0);
    expect([bucket.take(2, 0), bucket.take(1, 0)]).toEqual([true, false]);
    bucket.giveBack(1);
    expect([bucket.take(1, 0), bucket.take(1, 0)]).toEqual([true, false]);
    bucket.giveBack(100);
    expect([bucket.take(2, 0), bucket.take(1, 0)]).toEqual([true, false]);
  });
});

describe('a bucket for each key', () => {
  const each = { burst: 3, perSecond: 1 };

  test('is nobody else’s', () => {
    const buckets = new TokenBuckets(each, 10);
    for (let count = 0; count < 5; count++) buckets.take('a', 1, 0);
    expect([buckets.waitSeconds('a', 1, 0), buckets.waitSeconds('a', 1, 1000)]).toEqual([1, 0]);
    expect(buckets.waitSeconds('b', 1, 0)).toBe(0);
  });

  test('a million addresses fill no memory and take nothing from anybody', () => {
    const buckets = new TokenBuckets(each, 1000);
    for (let address = 0; address < 1_000_000; address++) buckets.spend(`10.${address}`, 3, address);
    expect(buckets.size).toBeLessThanOrEqual(1000);
    expect(buckets.take('192.0.2.1', 3, 1_000_000)).toBe(true);
  });

  test('one that is full again is forgotten as others come, and only then', () => {
    const buckets = new TokenBuckets(each, 1000);
    for (let address = 0; address < 100; address++) buckets.spend(`10.${address}`, 1, 0);
    for (let count = 0; count < 100; count++) buckets.spend('b', 1, 500);
    expect(buckets.size).toBe(101);
    for (let count = 0; count < 100; count++) buckets.spend('b', 1, 1000);
    expect(buckets.size).toBe(1);
  });

  test('remembers what it must, whatever comes in between, as long as there is room', () => {
    const uses = fc.array(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 400 })));
    fc.assert(
      fc.property(uses, (asked) => {
        const buckets = new TokenBuckets(each, 10);
        const alone = new Map(Array.from({ length: 10 }, (_, key) => [key, new TokenBucket(each, 0)]));
        let now = 0;
        for (const [key, byMs] of asked) {
          now += byMs;
          expect(buckets.take(String(key), 1, now)).toBe(alone.get(key)?.take(1, now));
        }
      }),
    );
  });
});

describe('what is told once in a while', () => {
  test('is counted in between', () => {
    const filter = new RepeatFilter({ intervalMs: 100, remembered: 10 });
    expect(filter.news('a', 0)).toEqual({ unsaid: 0 });
    expect([filter.news('a', 1), filter.news('a', 99)]).toEqual([undefined, undefined]);
    expect(filter.news('a', 100)).toEqual({ unsaid: 2 });
    expect(filter.news('a', 200)).toEqual({ unsaid: 0 });
  });

  test('is new again after the interval', () => {
    const filter = new RepeatFilter({ intervalMs: 100, remembered: 10 });
    const told = [filter.isNew('a', 0), filter.isNew('a', 99), filter.isNew('b', 99), filter.isNew('a', 100)];
    expect(told).toEqual([true, false, true, true]);
  });
});
