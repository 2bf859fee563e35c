// Whatever a gateway sends, and how fast: what it costs is bounded, and the last word counts.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { systemClock } from '../../../../agent/host/clock.ts';
import { nowAndThen } from '../../../../agent/telemetry/now-and-then.ts';
import { desiredStateSchema } from '../../../../protocol/messages/desired.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('the first at once, then the latest once in a while, and nothing when nothing came', () => {
  const taken: number[] = [];
  const change = nowAndThen(1000, (value: number) => taken.push(value));
  for (let value = 0; value < 10_000; value++) change(value);
  expect(taken).toEqual([0]);
  vi.advanceTimersByTime(1000);
  expect(taken).toEqual([0, 9999]);
  vi.advanceTimersByTime(60_000);
  expect(taken).toEqual([0, 9999]);
  change(1);
  expect(taken).toEqual([0, 9999, 1]);
});

test('no interval is longer than a timer can be', async () => {
  const { driftIntervalMs, upgrade, telemetry } = desiredStateSchema.shape;
  const long = 2 ** 31;
  expect(driftIntervalMs.safeParse(long).success).toBe(false);
  expect(upgrade.safeParse({ healthTimeoutMs: long }).success).toBe(false);
  for (const name of ['heartbeatIntervalMs', 'metricsIntervalMs'] as const)
    expect(telemetry.shape[name].safeParse(long).success).toBe(false);
});

test('a sleep that is longer than a timer can be does not end at once', async () => {
  vi.useRealTimers();
  const ended = new AbortController();
  const sleep = systemClock.sleep(2 ** 40, ended.signal).then(
    () => 'slept',
    () => 'ended',
  );
  setTimeout(() => ended.abort(), 100);
  expect(await sleep).toBe('ended');
});
