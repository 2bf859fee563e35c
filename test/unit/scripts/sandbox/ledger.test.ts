import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { covered, spend, spending } from '../../../../scripts/sandbox/ledger.ts';

test('what overlaps counts once', () => {
  const span = (beganMs: number, endedMs: number) => ({ beganMs, endedMs });
  expect(covered([])).toBe(0);
  expect(covered([span(10, 20), span(0, 5)])).toBe(15);
  expect(covered([span(0, 10), span(5, 20), span(6, 7), span(20, 21)])).toBe(21);
});

test('a wait inside of a start is the start’s, and what fails has cost its time, too', async () => {
  const before = await spending();
  const failed = spend('cluster', () =>
    spend('waits', async () => {
      await sleep(20);
      throw new Error('in vain');
    }),
  );
  await expect(failed).rejects.toThrow('in vain');
  const { activitiesMs } = await spending();
  expect(activitiesMs.waits).toBe(before.activitiesMs.waits);
  expect(activitiesMs.cluster - before.activitiesMs.cluster).toBeGreaterThanOrEqual(15);
});

test('what this process used is counted', async () => {
  const before = (await spending()).ownCpuSeconds;
  const untilMs = performance.now() + 200;
  while (performance.now() < untilMs || (await spending()).ownCpuSeconds === before);
  expect((await spending()).ownCpuSeconds).toBeGreaterThan(before);
});
