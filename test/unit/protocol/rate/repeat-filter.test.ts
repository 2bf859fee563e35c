// What is told once in a while, of one thing and of all.
import { expect, test } from 'vitest';
import { RepeatFilter } from '../../../../protocol/rate/repeat-filter.ts';

test('a repetition is counted and told with the next', () => {
  const filter = new RepeatFilter({ intervalMs: 1000, remembered: 10 });
  expect([0, 10, 20, 1000].map((now) => filter.news('a', now))).toEqual([
    { unsaid: 0 },
    undefined,
    undefined,
    { unsaid: 2 },
  ]);
});

test('whoever makes up news without end is told at a rate, and the rest as a number', () => {
  const total = { burst: 5, perSecond: 1 };
  const filter = new RepeatFilter({ intervalMs: 1000, remembered: 10, total });
  const told = Array.from({ length: 1000 }, (_, index) => filter.news(`made up ${index}`, 0));
  expect(told.filter(Boolean)).toHaveLength(5);
  expect(filter.news('another', 1000)).toEqual({ unsaid: 0, others: 995 });
  expect(filter.news('one more', 2000)).toEqual({ unsaid: 0 });
});
