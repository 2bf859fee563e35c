// The limits that need memory: they hold, they recover, and they forget.
import { describe, expect, test } from 'vitest';
import { ConnectionCounter, RateLimiter, RepeatFilter } from '../../../../gateway/serve/limits.ts';

test('connections are counted per address and given back', () => {
  const counter = new ConnectionCounter(2);
  expect([counter.take('a'), counter.take('a'), counter.take('a'), counter.take('b')]).toEqual([
    true,
    true,
    false,
    true,
  ]);
  counter.release('a');
  expect([counter.take('a'), counter.take('a')]).toEqual([true, false]);
});

describe('refusals', () => {
  const limiter = () => new RateLimiter({ burst: 3, intervalMs: 1000, remembered: 2 });

  test('a burst is allowed, then one for each interval', () => {
    const limit = limiter();
    for (let i = 0; i < 3; i++) {
      expect(limit.waitSeconds('a', 0)).toBe(0);
      limit.count('a', 0);
    }
    expect(limit.waitSeconds('a', 0)).toBe(1);
    expect(limit.waitSeconds('a', 999)).toBe(1);
    expect(limit.waitSeconds('a', 1000)).toBe(0);
    limit.count('a', 1000);
    expect(limit.waitSeconds('a', 1000)).toBe(1);
    expect(limit.waitSeconds('b', 1000)).toBe(0);
  });

  test('after a while all is forgotten, also when the clock goes back', () => {
    const limit = limiter();
    for (let i = 0; i < 3; i++) limit.count('a', 5000);
    expect(limit.waitSeconds('a', 1000)).toBe(1);
    expect(limit.waitSeconds('a', 20_000)).toBe(0);
  });

  test('only so many addresses are remembered', () => {
    const limit = limiter();
    for (let i = 0; i < 3; i++) limit.count('a', 0);
    limit.count('b', 0);
    limit.count('c', 0);
    expect(limit.waitSeconds('a', 0)).toBe(0);
  });
});

test('what was not told is counted', () => {
  const filter = new RepeatFilter({ intervalMs: 100, remembered: 10 });
  expect(filter.news('a', 0)).toEqual({ unsaid: 0 });
  expect([filter.news('a', 1), filter.news('a', 99)]).toEqual([undefined, undefined]);
  expect(filter.news('a', 100)).toEqual({ unsaid: 2 });
  expect(filter.news('a', 200)).toEqual({ unsaid: 0 });
});

test('a repeat is new again after the interval', () => {
  const filter = new RepeatFilter({ intervalMs: 100, remembered: 10 });
  expect([
    filter.isNew('a', 0),
    filter.isNew('a', 99),
    filter.isNew('b', 99),
    filter.isNew('a', 100),
  ]).toEqual([true, false, true, true]);
});
