// Beats at whole multiples of the interval, whatever happens to the host in between.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Rhythm } from '../../../../agent/telemetry/rhythm.ts';

const clock = { monotonicMs: () => Date.now() };
let beats: number[] = [];
let rhythm = new Rhythm(clock, setTimeout, () => {});

beforeEach(() => {
  vi.useFakeTimers();
  vi.setSystemTime(0);
  beats = [];
  rhythm = new Rhythm(
    clock,
    (callback, milliseconds) => setTimeout(callback, milliseconds),
    () => beats.push(Date.now()),
  );
});
afterEach(() => {
  rhythm.stop();
  vi.useRealTimers();
});

test('the first beat comes at once, the others do not drift', () => {
  rhythm.start(1000);
  vi.advanceTimersByTime(3500);
  expect(beats).toEqual([0, 1000, 2000, 3000]);
});

test('beats that a suspended host has missed are left out', () => {
  rhythm.start(1000);
  vi.setSystemTime(7300);
  vi.advanceTimersByTime(1000);
  // One late beat, and the next at a whole multiple again.
  vi.advanceTimersByTime(1000);
  expect(beats.length).toBeLessThanOrEqual(4);
  expect((beats.at(-1) ?? 1) % 1000).toBe(0);
});

test('another interval begins anew, and after stop there is nothing', () => {
  rhythm.start(1000);
  rhythm.start(400);
  vi.advanceTimersByTime(900);
  rhythm.stop();
  vi.advanceTimersByTime(5000);
  expect(beats).toEqual([0, 0, 400, 800]);
});
