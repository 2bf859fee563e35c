// How often objects that are too large are read, and in which order.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Unread } from '../../../../gateway/kubernetes/unread.ts';

test('all together take a part of the time, each in its turn, and one that is dropped is not taken', async () => {
  const begun: { name: string; atMs: number }[] = [];
  const taken: string[] = [];
  const stop = new AbortController();
  const unread = new Unread({
    read: async (name) => {
      begun.push({ name, atMs: performance.now() });
      // Another change of it comes while it is read.
      if (name === 'busy' && begun.length === 1)
        unread.add('busy', { name, namespace: undefined }, stop.signal);
      if (name === 'gone') unread.drop('gone', true);
      await sleep(10);
      return () => taken.push(name);
    },
    onError: () => undefined,
    tell: () => undefined,
    pace: { leastPauseMs: 1, pausePerReading: 10 },
  });
  for (const name of ['busy', 'gone', 'quiet']) unread.add(name, { name, namespace: undefined }, stop.signal);
  await expect.poll(() => taken, { timeout: 30_000 }).toEqual(['busy', 'quiet', 'busy']);
  expect(begun.map(({ name }) => name)).toEqual(['busy', 'gone', 'quiet', 'busy']);
  const [first, second, third] = begun.map(({ atMs }) => atMs);
  expect((second ?? 0) - (first ?? 0)).toBeGreaterThan(90);
  expect((third ?? 0) - (second ?? 0)).toBeGreaterThan(90);
  stop.abort();
});
