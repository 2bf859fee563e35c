// A collecting thread that dies at any store into shared memory, and one that takes over, and dies as well.
// What the main thread sees in between and at the end is exact: produced = acknowledged + pending + lost,
// every hole is explained by the LOSS record right behind it, and nothing waits for the dead.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type SampledVitals, VitalsSlot } from '../../../agent/telemetry/heartbeat/slot.ts';
import { RingConsumer } from '../../../agent/telemetry/ring/consumer.ts';
import { createRing } from '../../../agent/telemetry/ring/layout.ts';
import { RingProducer } from '../../../agent/telemetry/ring/producer.ts';
import { RecordAccount } from '../../../agent/telemetry/shipper/account.ts';
import { recordClass } from '../../../protocol/telemetry/record.ts';
import { inBoundedLoads, live } from './mortal-memory.ts';
import { columnOf } from './ring-content.ts';
import { CheckingReader } from './ring-reader.ts';

const action = fc.oneof(
  fc.record({ do: fc.constant('begin' as const), columns: fc.nat({ max: 12 }) }),
  fc.record({ do: fc.constant('write' as const), columns: fc.nat({ max: 12 }) }),
  fc.record({ do: fc.constant('cancel' as const) }),
  fc.record({ do: fc.constant('publish' as const) }),
  fc.record({ do: fc.constant('free' as const) }),
);
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;

const input = fc.record({
  capacityBytes: fc.constantFrom(128, 256, 1024),
  position: fc.oneof(fc.constant(0), fc.integer({ min: -16, max: 0 })),
  startSequence: fc.oneof(fc.constant(0), fc.integer({ min: -16, max: 0 })),
  actions: fc.array(action, { minLength: 4, maxLength: 24, size: 'max' }),
});
type Input = typeof input extends fc.Arbitrary<infer T> ? T : never;

/** A ring, its main thread, and what is known of the threads that wrote into it. */
class World {
  readonly memory: SharedArrayBuffer;
  readonly ring: RingConsumer;
  readonly startSequence: number;
  readonly #reader: CheckingReader;
  readonly #account: RecordAccount;
  #acknowledged = 0;
  /** Records whose `begin` or `write` has answered, without those that were cancelled. */
  begun = 0;
  /** Those that death came into: each was begun, or not. */
  halfBegun = 0;
  /** The next record's number. */
  #number = 0;

  constructor({ capacityBytes, position, startSequence }: Input) {
    this.memory = createRing({ capacityBytes, epoch: 1, startPosition: position * 8, startSequence });
    this.startSequence = startSequence;
    this.ring = new RingConsumer(this.memory);
    this.#reader = new CheckingReader(this.ring, startSequence);
    this.#account = new RecordAccount(this.ring);
  }

  /** One thread's life, up to the store that it dies at. */
  thread(storeLimit: number, actions: readonly Action[]): { hasDied: boolean; stores: number } {
    return live(storeLimit, () => {
      const producer = new RingProducer(this.memory);
      let canCancel = false;
      for (const one of actions) {
        if (one.do === 'begin') canCancel = this.#begin(producer, one.columns);
        else if (one.do === 'write') canCancel = this.#write(producer, one.columns);
        else if (one.do === 'publish') producer.publish();
        else if (one.do === 'free') this.#free();
        else if (canCancel) {
          // Death may come before the cancelled record is gone, or behind it.
          this.begun -= 1;
          this.halfBegun += 1;
          producer.cancel();
          this.halfBegun -= 1;
        }
        if (one.do !== 'begin' && one.do !== 'write') canCancel = false;
      }
    });
  }

  /** What the main thread sees at this moment, whoever lives. */
  check(): void {
    const { sequence, written, lost } = inBoundedLoads(40, () => this.ring.account());
    expect((this.startSequence + written + lost) >>> 0).toBe(sequence);
    while (this.#reader.readRun(1 << 20) !== undefined);
    const { produced, acknowledged, pending } = this.#account.now(undefined);
    expect(produced).toBe(acknowledged + pending + lost);
    expect(acknowledged + pending).toBe(this.#reader.readRecords);
    expect(lost).toBeGreaterThanOrEqual(this.#reader.reportedLost);
  }

  /** A thread that lives has taken over and found room: nothing is left to say. */
  settle(): void {
    const producer = new RingProducer(this.memory);
    this.check();
    this.#free();
    producer.publish();
    this.check();
    expect(producer.hasUnreportedLoss).toBe(false);
    this.#free();
    const { lostByClass } = this.ring.account();
    const metrics = this.#reader.metricRecords + (lostByClass[recordClass.metric] ?? 0);
    expect(metrics).toBeGreaterThanOrEqual(this.begun);
    expect(metrics).toBeLessThanOrEqual(this.begun + this.halfBegun);
    expect(this.#account.now(undefined)).toEqual({
      produced: this.#reader.readRecords + this.#reader.reportedLost,
      acknowledged: this.#reader.readRecords,
      pending: 0,
      lost: this.#reader.reportedLost,
    });
  }

  #free(): void {
    while (this.#reader.readRun(1 << 20) !== undefined);
    this.#account.acknowledge(this.#reader.readRecords - this.#acknowledged);
    this.#acknowledged = this.#reader.readRecords;
    this.ring.move('free', this.#reader.position);
  }

  #begin(producer: RingProducer, columns: number): boolean {
    const number = this.#number;
    this.#number += 1;
    this.halfBegun += 1;
    const first = producer.begin(recordClass.metric, columns, number, columns);
    this.halfBegun -= 1;
    this.begun += 1;
    for (let column = 0; first >= 0 && column < columns; column += 1) {
      producer.columns[first + column] = columnOf(number, column);
    }
    return first >= 0;
  }

  #write(producer: RingProducer, columns: number): boolean {
    const number = this.#number;
    this.#number += 1;
    const payload = Float64Array.from({ length: columns }, (_, column) => columnOf(number, column));
    this.halfBegun += 1;
    const isTaken = producer.write(recordClass.metric, columns, number, new Uint8Array(payload.buffer));
    this.halfBegun -= 1;
    this.begun += 1;
    return isTaken;
  }
}

describe('a collecting thread that dies', () => {
  test('at any store, and its successor too: all is accounted for, every hole explained', () => {
    let deaths = 0;
    fc.assert(
      fc.property(input, fc.nat({ max: 60 }), (one, secondLimit) => {
        const { stores } = new World(one).thread(Number.POSITIVE_INFINITY, one.actions);
        for (let limit = 0; limit <= stores; limit += 1) {
          const world = new World(one);
          const isAllMade = !world.thread(limit, one.actions).hasDied;
          expect(isAllMade).toBe(limit === stores);
          world.check();
          world.thread(secondLimit, one.actions);
          world.check();
          world.settle();
          deaths += isAllMade ? 0 : 1;
        }
      }),
      { numRuns: 25 },
    );
    expect(deaths).toBeGreaterThan(1000);
  });

  test('at any store of taking over', () => {
    const one: Input = {
      capacityBytes: 256,
      position: -8,
      startSequence: -2,
      actions: [
        { do: 'begin', columns: 2 },
        { do: 'publish' },
        { do: 'begin', columns: 12 },
        { do: 'begin', columns: 12 },
        { do: 'free' },
        { do: 'begin', columns: 3 },
        { do: 'begin', columns: 2 },
      ],
    };
    const { stores } = new World(one).thread(Number.POSITIVE_INFINITY, one.actions);
    let deaths = 0;
    for (let first = 0; first <= stores; first += 1) {
      for (let second = 0; ; second += 1) {
        const world = new World(one);
        world.thread(first, one.actions);
        const { hasDied } = world.thread(second, []);
        world.check();
        world.settle();
        if (!hasDied) break;
        deaths += 1;
      }
    }
    expect(deaths).toBeGreaterThan(100);
  });

  test('between publishing and waking: the successor wakes who sleeps', async () => {
    const life = (memory: SharedArrayBuffer, storeLimit: number) =>
      live(storeLimit, () => {
        const producer = new RingProducer(memory);
        producer.begin(recordClass.metric, 0, 0, 0);
        producer.publish();
      });
    const { stores } = life(createRing({ capacityBytes: 1024, epoch: 1 }), Number.POSITIVE_INFINITY);
    let slept = 0;
    for (let limit = 0; limit <= stores + 1; limit += 1) {
      const memory = createRing({ capacityBytes: 1024, epoch: 1 });
      const ring = new RingConsumer(memory);
      const seen = ring.position('published');
      const awake = ring.published(seen);
      life(memory, limit);
      const wasPublished = ring.position('published') !== seen;
      const successor = new RingProducer(memory);
      // What was not published is reported with the successor's first word.
      successor.publish();
      if (wasPublished) expect(ring.run(seen, 1024)).toMatchObject({ count: 1 });
      if (ring.position('published') !== seen) await awake;
      slept += wasPublished ? 1 : 0;
    }
    expect(slept).toBeGreaterThan(1);
  }, 60_000);
});

test('vitals: a reading is whole, the last or the one before, whatever store was the last', () => {
  const vitalsOf = (value: number): SampledVitals => ({
    sampledAtMs: value,
    uptimeSeconds: value + 0.1,
    load1: value + 0.2,
    cpuUsedRatio: value + 0.3,
    memoryTotalBytes: value + 0.4,
    memoryAvailableBytes: value + 0.5,
    diskFreeBytes: value + 0.6,
  });
  const none = new VitalsSlot().read();
  for (let before = 0; before <= 3; before += 1) {
    let seenOld = 0;
    for (let limit = 0; ; limit += 1) {
      const slot = new VitalsSlot();
      for (let value = 1; value <= before; value += 1) slot.write(vitalsOf(value));
      const { hasDied } = live(limit, () => new VitalsSlot(slot.memory).write(vitalsOf(before + 1)));
      const reading = inBoundedLoads(40, () => slot.read());
      const old = before === 0 ? none : vitalsOf(before);
      expect(reading).toEqual(hasDied ? old : vitalsOf(before + 1));
      if (!hasDied) break;
      seenOld += 1;
      new VitalsSlot(slot.memory).write(vitalsOf(9));
      expect(slot.read()).toEqual(vitalsOf(9));
    }
    expect(seenOld).toBeGreaterThan(2);
  }
});
