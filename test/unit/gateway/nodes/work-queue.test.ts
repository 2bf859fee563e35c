// One run at a time per key, again when it was added meanwhile, again after a failure.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { WorkQueue } from '../../../../gateway/nodes/work-queue.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('a key that is added ten times while it runs runs once more, never twice at once', async () => {
  let running = 0;
  let most = 0;
  let runs = 0;
  const gate = Promise.withResolvers<void>();
  const queue = new WorkQueue({
    run: async () => {
      runs += 1;
      most = Math.max(most, ++running);
      if (runs === 1) await gate.promise;
      running -= 1;
    },
    onError: () => {},
  });
  for (let i = 0; i < 10; i++) queue.add('a');
  gate.resolve();
  await queue.idle();
  expect({ runs, most }).toEqual({ runs: 2, most: 1 });
});

test('no more keys at once than allowed', async () => {
  let running = 0;
  let most = 0;
  const queue = new WorkQueue({
    concurrency: 3,
    run: async () => {
      most = Math.max(most, ++running);
      await Promise.resolve();
      running -= 1;
    },
    onError: () => {},
  });
  for (let i = 0; i < 50; i++) queue.add(String(i));
  await queue.idle();
  expect(most).toBe(3);
});

test('a failure is told and tried again later, with growing delay', async () => {
  const times: number[] = [];
  const errors: unknown[] = [];
  const queue = new WorkQueue({
    firstDelayMs: 100,
    lastDelayMs: 1000,
    run: async () => {
      times.push(Date.now());
      if (times.length < 4) throw new Error(`failure ${times.length}`);
    },
    onError: (_key, error) => errors.push(error),
  });
  queue.add('a');
  await vi.advanceTimersByTimeAsync(10_000);
  expect(errors).toHaveLength(3);
  expect(times).toHaveLength(4);
  const [a = 0, b = 0, c = 0, d = 0] = times;
  for (const [delay, longest] of [
    [b - a, 200],
    [c - b, 400],
    [d - c, 800],
  ] as const) {
    expect(delay).toBeGreaterThanOrEqual(longest / 2);
    expect(delay).toBeLessThanOrEqual(longest);
  }
});

test('stopping waits for what runs and begins nothing more', async () => {
  const gate = Promise.withResolvers<void>();
  const seen: string[] = [];
  const queue = new WorkQueue({
    concurrency: 1,
    run: async (key) => {
      seen.push(key);
      await gate.promise;
    },
    onError: () => {},
  });
  queue.add('a');
  queue.add('b');
  queue.addLater('c', 10);
  const stopped = queue.stop();
  gate.resolve();
  await stopped;
  queue.add('d');
  await vi.advanceTimersByTimeAsync(1000);
  expect(seen).toEqual(['a']);
});
