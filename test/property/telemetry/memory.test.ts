// An agent lives for years: what a round of collecting, shipping and beating leaves behind is bounded. A leak
// grows in every stretch of rounds; what V8 learns about the program grows in some of them, so the smallest
// growth is what counts. V8 runs without its optimizing compilers here, whose code would be counted too.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

interface Reading {
  readonly bytes: number;
  readonly records: number;
  readonly account: { readonly produced: number; readonly acknowledged: number; readonly lost: number };
}

const root = fileURLToPath(new URL('../../fixtures/telemetry/kernel-5.4', import.meta.url));
const rounds = 400;
const warmUp = 3;
const bytesPerRound = 64;
const execArgv = ['--expose-gc', '--no-opt', '--no-maglev', '--no-sparkplug', '--no-flush-bytecode'];

/** The smallest growth of a stretch, in bytes a round. */
async function live(stretches: number, leakBytes: number): Promise<{ growth: number; last: Reading }> {
  const folder = await mkdtemp(join(tmpdir(), 'regnode-long-life-'));
  const readings: Reading[] = [];
  try {
    const child = fork(
      new URL('./long-life.ts', import.meta.url),
      [folder, root, `${stretches}`, `${rounds}`, `${leakBytes}`],
      { execArgv },
    );
    child.on('message', (reading: Reading) => readings.push(reading));
    expect(await once(child, 'exit')).toEqual([0, null]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  expect(readings).toHaveLength(stretches);
  const growth = readings
    .slice(warmUp)
    .map(({ bytes }, index) => (bytes - (readings[index + warmUp - 1]?.bytes ?? 0)) / rounds);
  return { growth: Math.min(...growth), last: readings.at(-1) as Reading };
}

test('a round leaves nothing behind', { timeout: 300_000 }, async () => {
  const { growth, last } = await live(9, 0);
  expect(growth).toBeLessThan(bytesPerRound);
  // It did work all the while.
  expect(last.account).toMatchObject({ acknowledged: last.account.produced, lost: 0 });
  expect(last.records).toBe(last.account.produced);
  expect(last.records).toBeGreaterThan(9 * rounds * 30);
});

test('a leak of 256 bytes a round would be seen', { timeout: 300_000 }, async () => {
  expect((await live(6, 256)).growth).toBeGreaterThan(2 * bytesPerRound);
});
