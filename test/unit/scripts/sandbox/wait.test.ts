import { describe, expect, test } from 'vitest';
import { pauseMs, waitFor } from '../../../../scripts/sandbox/wait.ts';

describe('the pause between two questions', () => {
  test.each([
    ['a quick question is asked again after a tenth of a second', undefined, 3, 100],
    ['one that takes long leaves two thirds of the time to others', undefined, 400, 800],
    ['also where an interval is given', 500, 400, 800],
    ['which is never made shorter', 3500, 400, 3500],
    ['what waits by itself is no work', 1000, 30_000, 2000],
    ['a moment that must not be missed is looked for as it says', 50, 400, 50],
  ])('%s', (_, intervalMs, tookMs, expected) => {
    expect(pauseMs(intervalMs, tookMs)).toBe(expected);
  });
});

test('what never comes true is an error with its name, its time and its detail', async () => {
  let asked = 0;
  const never = waitFor('the moon', () => ++asked > 1000, {
    timeoutMs: 30,
    intervalMs: 10,
    detail: () => 'cloudy',
  });
  await expect(never).rejects.toThrow('waited 0.03 s in vain for the moon\ncloudy');
  expect(asked).toBeGreaterThan(1);
  expect(asked).toBeLessThan(6);
});
