// One life of an agent, without its collecting thread: ring, producer, shipper and spool over a disk that
// outlives it and a channel to an intake. All waits are short, and everything that is counted can be asked.
import { vi } from 'vitest';
import type { SpoolDisk } from '../../../../../agent/host/spool-files.ts';
import { createRing } from '../../../../../agent/telemetry/ring/layout.ts';
import { RingProducer } from '../../../../../agent/telemetry/ring/producer.ts';
import { Shipper } from '../../../../../agent/telemetry/shipper/shipper.ts';
import { Spool } from '../../../../../agent/telemetry/spool/spool.ts';
import type { TelemetryChannel } from '../../../../../protocol/messages/session.ts';
import { encodeDescription } from '../../../../../protocol/telemetry/description.ts';
import { recordClass } from '../../../../../protocol/telemetry/record.ts';

const logger = { info() {}, warn() {} };
const clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() };

/** For a machine that is busy with other things. */
export const patience = { timeout: 20_000, interval: 1 };

export interface LifeOptions {
  readonly epoch: number;
  readonly disk: SpoolDisk;
  readonly channel: TelemetryChannel;
  readonly capacityBytes?: number;
  readonly capBytes?: number;
  readonly freeFloorBytes?: number;
}

export class Life {
  readonly producer: RingProducer;
  readonly shipper: Shipper;
  readonly spool: Spool;
  readonly #abort = new AbortController();
  readonly #stopped: Promise<unknown>;

  constructor({ epoch, disk, channel, ...sizes }: LifeOptions) {
    const memory = createRing({ capacityBytes: sizes.capacityBytes ?? 4096, epoch });
    this.producer = new RingProducer(memory);
    let spool: Spool | undefined;
    let lastEpoch = epoch;
    this.shipper = new Shipper({
      memory,
      channel,
      clock,
      startMs: 0,
      retryMs: 5,
      newEpoch: () => {
        lastEpoch += 1;
        return lastEpoch;
      },
      spool: (parts) => {
        spool = new Spool({
          ...parts,
          channel,
          disk,
          logger,
          limits: {
            capBytes: sizes.capBytes ?? 1 << 20,
            freeFloorBytes: sizes.freeFloorBytes ?? 0,
            segmentBytes: 2048,
          },
          writeDelayMs: 1,
          syncDelayMs: 2,
          retryMs: 5,
          idleMs: 2,
          replayBytesPerSecond: 100 << 20,
        });
        return spool;
      },
    });
    if (spool === undefined) throw new Error('no spool');
    this.spool = spool;
    const { signal } = this.#abort;
    this.#stopped = Promise.all([this.shipper.run(signal), this.spool.run(signal)]);
    this.producer.write(
      recordClass.schema,
      1,
      0,
      encodeDescription({
        family: 'load',
        intervalMs: 1000,
        labels: {},
        columns: [{ name: 'node_load1', type: 'gauge' }],
      }),
    );
  }

  produce(count: number): void {
    for (let index = 0; index < count; index += 1) {
      const first = this.producer.begin(recordClass.metric, 1, 0, 1);
      if (first >= 0) this.producer.columns[first] = index;
    }
    this.producer.publish();
  }

  /** Produces in small steps, each written and synced before the next. */
  async produceSlowly(count: number): Promise<void> {
    for (let done = 0; done < count; done += 20) {
      this.produce(Math.min(20, count - done));
      await this.durable();
    }
  }

  /** All that is published is synced. */
  async durable(): Promise<void> {
    await vi.waitFor(() => {
      const { pending } = this.shipper.account();
      if (pending > 0 && !this.spool.isDurable) throw new Error('not yet');
    }, patience);
  }

  async delivered(): Promise<void> {
    await vi.waitFor(() => {
      const { pending } = this.shipper.account();
      if (pending !== 0) throw new Error(`${pending} records are pending`);
    }, patience);
  }

  /** The clean end. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#stopped;
  }
}
