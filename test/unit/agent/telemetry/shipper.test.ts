// The shipper against a channel that does everything a tunnel may do: take nothing, take and drop, answer
// late, twice, or with a refusal.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { RingConsumer } from '../../../../agent/telemetry/ring/consumer.ts';
import { createRing } from '../../../../agent/telemetry/ring/layout.ts';
import { RingProducer } from '../../../../agent/telemetry/ring/producer.ts';
import { Shipper } from '../../../../agent/telemetry/shipper/shipper.ts';
import type { TelemetryChannel } from '../../../../protocol/messages/session.ts';
import { encodeAcknowledgement, type Verdict } from '../../../../protocol/telemetry/acknowledgement.ts';
import { type Batch, batchFlag, decodeBatch } from '../../../../protocol/telemetry/batch.ts';
import { encodeDescription } from '../../../../protocol/telemetry/description.ts';
import { recordClass } from '../../../../protocol/telemetry/record.ts';
import { live } from '../../../property/telemetry/mortal-memory.ts';

const epoch = 42;

/** Keeps what it is given; the test decides when bytes are released and what is answered. */
class HeldChannel implements TelemetryChannel {
  readonly batches: Batch[] = [];
  readonly release: ((error?: Error) => void)[] = [];
  takes = true;
  #listener: (payload: Uint8Array) => void = () => undefined;

  sendBatch(pieces: readonly Uint8Array[], sent: (error?: Error) => void): boolean {
    if (!this.takes) return false;
    const batch = decodeBatch(Buffer.concat(pieces));
    if (batch.kind !== 'batch') throw new Error(`the shipper sent a malformed batch: ${batch.reason}`);
    this.batches.push(batch);
    this.release.push(sent);
    return true;
  }

  setHeartbeat(): void {}

  onAcknowledgement(listener: (payload: Uint8Array) => void): void {
    this.#listener = listener;
  }

  answer(nextSequence: number, verdict: Verdict = 'accepted', waitMs = 0): void {
    this.#listener(encodeAcknowledgement({ epoch, nextSequence, verdict, waitMs }));
  }

  data(): Batch[] {
    return this.batches.filter(({ flags }) => (flags & batchFlag.description) === 0);
  }
}

interface Bench {
  readonly memory: SharedArrayBuffer;
  readonly producer: RingProducer;
  readonly ring: RingConsumer;
  readonly channel: HeldChannel;
  readonly shipper: Shipper;
  produce(count: number): void;
  /** Lets the shipper see what is published. */
  settle(): Promise<void>;
}

let abort = new AbortController();
let running: Promise<void> = Promise.resolve();

function bench(capacityBytes = 65536): Bench {
  const memory = createRing({ capacityBytes, epoch });
  const producer = new RingProducer(memory);
  const ring = new RingConsumer(memory);
  const channel = new HeldChannel();
  const clock = { nowMs: () => Date.now(), monotonicMs: () => Date.now() };
  const shipper = new Shipper({ memory, channel, clock, startMs: clock.monotonicMs() });
  abort = new AbortController();
  running = shipper.run(abort.signal);
  return {
    memory,
    producer,
    ring,
    channel,
    shipper,
    produce(count) {
      for (let index = 0; index < count; index += 1) {
        const first = producer.begin(recordClass.metric, 1, 0, 6);
        if (first >= 0) producer.columns.fill(index, first, first + 6);
      }
      producer.publish();
    },
    settle: () => new Promise((resolve) => setImmediate(() => setImmediate(resolve))),
  };
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
});
afterEach(async () => {
  abort.abort();
  await running;
  vi.useRealTimers();
});

describe('the shipper', () => {
  test('frees the ring only when both the gateway and the socket are done with it', async () => {
    const { ring, channel, shipper, produce, settle } = bench();
    produce(3);
    await settle();
    channel.answer(3);
    expect(ring.position('acknowledged')).toBe(192);
    expect(ring.position('free')).toBe(0);
    channel.release[0]?.();
    expect(ring.position('free')).toBe(192);
    expect(shipper.account()).toEqual({ produced: 3, acknowledged: 3, pending: 0, lost: 0 });
  });

  test('sends what a thread published just before its end, though that never came to wake anybody', async () => {
    const { memory, channel, shipper, settle } = bench();
    const sent = () => channel.data().reduce((sum, { count }) => sum + count, 0);
    const thread: RingProducer[] = [];
    live(Number.POSITIVE_INFINITY, () => thread.push(new RingProducer(memory)));
    const publishOne = (storeLimit: number) =>
      live(storeLimit, () => {
        thread[0]?.begin(recordClass.metric, 1, 0, 0);
        thread[0]?.publish();
      });
    await settle();
    const { stores } = publishOne(Number.POSITIVE_INFINITY);
    await settle();
    expect(sent()).toBe(1);
    // The last of them is the call that wakes.
    expect(publishOne(stores - 1).hasDied).toBe(true);
    await settle();
    expect(sent()).toBe(1);
    shipper.producerEnded();
    await settle();
    expect(sent()).toBe(2);
    expect(shipper.account()).toMatchObject({ produced: 2, lost: 0 });
  });

  test('a released batch that is not acknowledged frees nothing', async () => {
    const { ring, channel, shipper, produce, settle } = bench();
    produce(3);
    await settle();
    channel.release[0]?.();
    expect(ring.position('free')).toBe(0);
    expect(shipper.account()).toEqual({ produced: 3, acknowledged: 0, pending: 3, lost: 0 });
  });

  test('sends again from the acknowledged position in a new session, descriptions first', async () => {
    const { producer, channel, shipper, produce, settle } = bench();
    const description = encodeDescription({
      family: 'load',
      intervalMs: 1000,
      labels: {},
      columns: [{ name: 'a', type: 'gauge' }],
    });
    producer.write(recordClass.schema, 1, 0, description);
    produce(2);
    await settle();
    channel.answer(3);
    produce(2);
    await settle();
    shipper.resend();
    const [, second, described, third] = channel.batches;
    expect(second).toMatchObject({ firstSequence: 3, nextSequence: 5, flags: 0 });
    expect(described).toMatchObject({ count: 1, flags: batchFlag.description });
    expect(third).toMatchObject({ firstSequence: 3, nextSequence: 5, flags: batchFlag.resumed });
  });

  test('after giving a batch up it still waits for the old session to let go of its bytes', async () => {
    const { ring, channel, shipper, produce, settle } = bench();
    produce(2);
    await settle();
    shipper.resend();
    channel.release[1]?.();
    channel.answer(2);
    expect(ring.position('acknowledged')).toBe(128);
    expect(ring.position('free')).toBe(0);
    channel.release[0]?.(new Error('the connection is gone'));
    expect(ring.position('free')).toBe(128);
  });

  test('a channel that takes nothing is asked again after a pause', async () => {
    const { channel, produce, settle } = bench();
    channel.takes = false;
    produce(1);
    await settle();
    channel.takes = true;
    expect(channel.data()).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(250);
    expect(channel.data()).toHaveLength(1);
  });

  test('a batch that the tunnel dropped goes out again', async () => {
    const { channel, produce, settle } = bench();
    produce(1);
    await settle();
    channel.release[0]?.(new Error('dropped'));
    await vi.advanceTimersByTimeAsync(250);
    expect(channel.data().map(({ firstSequence }) => firstSequence)).toEqual([0, 0]);
  });

  test('without an acknowledgement in time it sends again, but only what has left the process', async () => {
    const { channel, produce, settle } = bench();
    produce(1);
    await settle();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(channel.data()).toHaveLength(1);
    channel.release[0]?.();
    await vi.advanceTimersByTimeAsync(20_000);
    expect(channel.data()).toHaveLength(2);
  });

  test.each(['gap', 'describe'] as const)(
    '%s: one step back, however many batches are answered so',
    async (verdict) => {
      const { channel, shipper, produce, settle } = bench();
      produce(1);
      await settle();
      produce(1);
      await settle();
      await vi.advanceTimersByTimeAsync(5000);
      channel.answer(0, verdict);
      channel.answer(0, verdict);
      expect(shipper.rewinds).toBe(1);
      expect(channel.data().at(-1)).toMatchObject({ firstSequence: 0, count: 2, flags: batchFlag.resumed });
    },
  );

  test('wait: nothing is sent until the time is over', async () => {
    const { channel, produce, settle } = bench();
    produce(1);
    await settle();
    channel.answer(0, 'wait', 5000);
    produce(1);
    await settle();
    await vi.advanceTimersByTimeAsync(4900);
    expect(channel.data()).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(200);
    expect(channel.data().at(-1)).toMatchObject({ firstSequence: 0, count: 2 });
  });

  test('an answer beyond all that was sent, or behind what is acknowledged, does no harm', async () => {
    const { ring, channel, produce, settle } = bench();
    produce(1);
    await settle();
    channel.answer(Number.MAX_SAFE_INTEGER, 'gap');
    expect(ring.position('acknowledged')).toBe(64);
    channel.answer(0);
    expect(ring.position('acknowledged')).toBe(64);
  });

  test('a full ring loses what is new, says so, and the account stays exact', async () => {
    const { channel, shipper, produce, settle } = bench(1024);
    channel.takes = false;
    produce(100);
    await settle();
    expect(shipper.account()).toEqual({ produced: 100, acknowledged: 0, pending: 16, lost: 84 });
    channel.takes = true;
    await vi.advanceTimersByTimeAsync(250);
    channel.release.splice(0).forEach((release) => {
      release();
    });
    channel.answer(16);
    produce(1);
    await settle();
    // 84 lost, one LOSS record, one record.
    expect(shipper.account()).toEqual({ produced: 102, acknowledged: 16, pending: 2, lost: 84 });
    expect(channel.data().at(-1)).toMatchObject({ firstSequence: 100, nextSequence: 102, count: 2 });
  });
});
