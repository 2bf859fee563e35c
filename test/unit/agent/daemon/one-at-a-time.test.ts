// However often it is asked for, one runs and one more waits.
import { expect, test } from 'vitest';
import { oneAtATime } from '../../../../agent/daemon/one-at-a-time.ts';

test('ten thousand questions are two runs, and each gets the end of a run that began after it', async () => {
  const gates: PromiseWithResolvers<void>[] = [];
  const act = oneAtATime(() => {
    const gate = Promise.withResolvers<void>();
    gates.push(gate);
    return gate.promise;
  });
  const first = act();
  const later = Array.from({ length: 10_000 }, () => act());
  expect(gates).toHaveLength(1);
  expect(new Set(later).size).toBe(1);
  gates[0]?.resolve();
  await first;
  await expect.poll(() => gates.length).toBe(2);
  gates[1]?.resolve();
  await Promise.all(later);
  expect(gates).toHaveLength(2);
});

test('a run that fails fails whoever asked for it, and the next one runs', async () => {
  let runs = 0;
  const act = oneAtATime(async () => {
    runs += 1;
    if (runs === 1) throw new Error('no');
  });
  const first = act();
  const second = act();
  await expect(first).rejects.toThrow('no');
  await second;
  await act();
  expect(runs).toBe(3);
});
