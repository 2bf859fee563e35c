// The ring between two real threads. At every observation the account must be exact: produced = freed +
// pending + lost, with pending counted by walking the ring, not computed from the other three.

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RingConsumer } from '../../../agent/telemetry/ring/consumer.ts';
import { createRing } from '../../../agent/telemetry/ring/layout.ts';
import { background } from '../../../protocol/defect.ts';
import { type ProducingInput, Random } from './ring-content.ts';
import { CheckingReader } from './ring-reader.ts';

interface Outcome {
  readonly begun: number;
  readonly lost: number;
}

/** Counts the records between two positions by walking them. */
function countBetween(ring: RingConsumer, from: number, to: number): number {
  let count = 0;
  for (let position = from; ; ) {
    const run = ring.run(position, 1 << 30, to);
    if (run === undefined) return count;
    count += run.count;
    position = run.end;
  }
}

function startThread(input: ProducingInput): Worker {
  return new Worker(new URL('./ring-producing-thread.ts', import.meta.url), { workerData: input });
}

async function runThreads(
  input: Omit<ProducingInput, 'memory'> & {
    capacityBytes: number;
    startPosition: number;
    startSequence: number;
    consumerStallMs: number;
    /** Counting what is pending walks all of it: not every time in a huge ring. */
    observeEvery?: number;
  },
): Promise<{ outcome: Outcome; reader: CheckingReader; ring: RingConsumer; observations: number }> {
  const memory = createRing({ ...input, epoch: 7 });
  const ring = new RingConsumer(memory);
  const reader = new CheckingReader(ring, input.startSequence);
  const worker = startThread({ ...input, memory });
  const done = once(worker, 'message') as Promise<[Outcome]>;
  const pause = new Int32Array(new SharedArrayBuffer(4));
  const random = new Random(input.seed + 1);
  let outcome: Outcome | undefined;
  const ended = done.then(([message]) => {
    outcome = message;
  });
  background('producing thread', ended);
  let freedRecords = 0;
  let observations = 0;
  for (;;) {
    const isLast = outcome !== undefined;
    let read = 0;
    for (let count = reader.readRun(1 + random.below(8192)); count !== undefined; ) {
      read += count;
      if (random.below(8) === 0) break;
      count = reader.readRun(1 + random.below(8192));
    }
    if (random.below(input.observeEvery ?? 1) === 0) {
      const account = ring.account();
      const pending = countBetween(ring, reader.position, account.position) + read;
      expect(freedRecords + pending).toBe(account.written);
      expect((input.startSequence + account.written + account.lost) >>> 0).toBe(account.sequence);
      observations += 1;
    }
    freedRecords += read;
    ring.move('free', reader.position);
    if (input.consumerStallMs > 0 && random.below(32) === 0) {
      Atomics.wait(pause, 0, 0, random.below(input.consumerStallMs + 1));
    }
    if (ring.position('published') === reader.position) {
      if (isLast) break;
      if (random.below(2) === 0) ring.publishedSync(reader.position, 5);
      else await Promise.race([ring.published(reader.position), done]);
      // Let the thread's message in.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  const [message] = await done;
  await worker.terminate();
  return { outcome: message, reader, ring, observations };
}

const cases = fc.record({
  capacityBytes: fc.constantFrom(128, 256, 4096, 1 << 16, 1 << 20),
  startPosition: fc.constantFrom(0, -8, -64, -4096, 0x7fff_ff00),
  startSequence: fc.constantFrom(0, -1, -1000, 0x7fff_fff0),
  columnLimit: fc.constantFrom(0, 2, 6, 60),
  burst: fc.constantFrom(1, 8, 100),
  stallMs: fc.constantFrom(0, 0, 2),
  consumerStallMs: fc.constantFrom(0, 0, 2),
  seed: fc.nat(),
});

describe('the ring between two threads', () => {
  test('no torn record, right order, exact account at every observation', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async (input) => {
        const { outcome, reader, ring, observations } = await runThreads({ ...input, records: 20_000 });
        expect(reader.metricRecords + reader.reportedLost).toBe(outcome.begun);
        expect(reader.reportedLost).toBe(outcome.lost);
        expect(ring.account()).toMatchObject({ written: reader.readRecords, lost: outcome.lost });
        expect(observations).toBeGreaterThan(0);
      }),
      { numRuns: 60 },
    );
  });

  test('a huge ring, across the wrap of positions and sequences', async () => {
    const { outcome, reader } = await runThreads({
      capacityBytes: 1 << 30,
      startPosition: -(1 << 20),
      startSequence: -10_000,
      columnLimit: 500,
      burst: 50,
      stallMs: 0,
      consumerStallMs: 0,
      observeEvery: 1000,
      seed: 3,
      records: 40_000,
    });
    expect(outcome.lost).toBe(0);
    expect(reader.metricRecords).toBe(outcome.begun);
  });

  test('threads that are killed, one after the other: the account is exact, every hole explained', async () => {
    await fc.assert(
      fc.asyncProperty(
        cases,
        fc.array(fc.nat({ max: 20 }), { minLength: 1, maxLength: 4 }),
        async (input, lives) => {
          const memory = createRing({ ...input, epoch: 7 });
          const ring = new RingConsumer(memory);
          const reader = new CheckingReader(ring, input.startSequence);
          const read = () => {
            while (reader.readRun(8192) !== undefined);
            ring.move('free', reader.position);
          };
          const perThread = 1 << 28;
          for (const [index, lifeMs] of lives.entries()) {
            const first = index * perThread;
            const worker = startThread({ ...input, memory, first, records: perThread });
            while (ring.account().sequence === input.startSequence >>> 0) {
              ring.publishedSync(reader.position, 5);
              await new Promise((resolve) => setImmediate(resolve));
            }
            const diesAtMs = performance.now() + lifeMs;
            do read();
            while (performance.now() < diesAtMs);
            await worker.terminate();
            read();
          }
          const before = ring.account();
          const last = startThread({ ...input, memory, first: lives.length * perThread, records: 100 });
          const done = once(last, 'message');
          let isDone = false;
          const ended = done.then(() => {
            isDone = true;
          });
          background('last thread', ended);
          while (!isDone) {
            read();
            await new Promise((resolve) => setImmediate(resolve));
          }
          read();
          await last.terminate();
          const { sequence, written, lost } = ring.account();
          expect((sequence - before.sequence) >>> 0).toBeGreaterThanOrEqual(100);
          expect({ written, lost }).toEqual({ written: reader.readRecords, lost: reader.reportedLost });
          expect((input.startSequence + written + lost) >>> 0).toBe(sequence);
        },
      ),
      { numRuns: 12 },
    );
  });
});
