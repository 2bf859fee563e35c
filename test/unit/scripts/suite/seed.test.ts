// A run can be repeated as a whole: one number is all its chance.
import fc from 'fast-check';
import { expect, inject, test } from 'vitest';
import { seedOf } from '../../../../scripts/suite/seed.ts';

test('a run takes the seed that it is given, or a fresh one', () => {
  expect(seedOf('-5')).toBe(-5);
  expect(seedOf('2147483647')).toBe(2147483647);
  expect(seedOf(undefined, () => 7)).toBe(7);
  expect(seedOf('', () => 7)).toBe(7);
  expect(new Set(Array.from({ length: 20 }, () => seedOf(undefined))).size).toBeGreaterThan(1);
});

test.each(['x', '1.5', '4294967296', '1e99'])('%s is no seed', (given) => {
  expect(() => seedOf(given)).toThrow(/REGNODE_SEED/);
});

test('every file gets it, and a property that fails says seed and path', () => {
  const seed = inject('seed');
  expect(fc.readConfigureGlobal().seed).toBe(seed);
  const failing = () => fc.assert(fc.property(fc.nat(), (number) => number < 10));
  expect(failing).toThrow(new RegExp(`seed: ${seed}, path: "\\d[\\d:]*"`));
});
