// Reconnecting: spread out when the gateway refuses, quick when nobody answers at all.
import { expect, test } from 'vitest';
import { Backoff, backoffLimits } from '../../../../agent/tunnel/backoff.ts';

test('the ceiling doubles from 0.5 s to 60 s', () => {
  const backoff = new Backoff(() => 1);
  const waits = Array.from({ length: 10 }, () => backoff.nextMs('refused'));
  expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
});

test('full jitter: a hundred agents spread over the whole ceiling', () => {
  const waits = Array.from({ length: 100 }, () => new Backoff().nextMs('refused')).sort((a, b) => a - b);
  expect(waits[0]).toBeLessThan(backoffLimits.firstMs / 4);
  expect(waits.at(-1)).toBeGreaterThan((backoffLimits.firstMs * 3) / 4);
});

test('only a healthy while resets it', () => {
  const backoff = new Backoff(() => 1);
  backoff.nextMs('refused');
  backoff.nextMs('refused');
  backoff.ended(backoffLimits.healthyMs - 1);
  expect(backoff.nextMs('refused')).toBe(2000);
  backoff.ended(backoffLimits.healthyMs);
  expect(backoff.nextMs('refused')).toBe(500);
});

test('a connection that breaks again and again does not raise the ceiling', () => {
  const backoff = new Backoff(() => 1);
  for (let count = 0; count < 20; count += 1) expect(backoff.nextMs('broken')).toBe(500);
  backoff.nextMs('refused');
  expect(backoff.nextMs('broken')).toBe(1000);
});

test('a silent way is tried again at once and does not count', () => {
  const backoff = new Backoff(() => 1);
  for (let count = 0; count < 20; count += 1) expect(backoff.nextMs('silent')).toBe(backoffLimits.silentMs);
  expect(backoff.nextMs('refused')).toBe(500);
});
