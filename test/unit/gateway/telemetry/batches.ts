// Batches as an agent would make them: a ring, its producer, and what lies in it.
import { RingConsumer } from '../../../../agent/telemetry/ring/consumer.ts';
import { createRing } from '../../../../agent/telemetry/ring/layout.ts';
import { RingProducer } from '../../../../agent/telemetry/ring/producer.ts';
import { encodeBatchHeader } from '../../../../protocol/telemetry/batch.ts';
import { type Description, encodeDescription } from '../../../../protocol/telemetry/description.ts';
import { recordClass } from '../../../../protocol/telemetry/record.ts';

export const loadDescription: Description = {
  family: 'load',
  intervalMs: 1000,
  labels: {},
  columns: [{ name: 'node_load1', type: 'gauge' }],
};

export class BatchSource {
  readonly producer: RingProducer;
  readonly #ring: RingConsumer;
  readonly #epoch: number;
  #position = 0;

  constructor(epoch: number, capacityBytes = 65536) {
    const memory = createRing({ capacityBytes, epoch });
    this.producer = new RingProducer(memory);
    this.#ring = new RingConsumer(memory);
    this.#epoch = epoch;
  }

  describe(schema: number, description: Description): this {
    this.producer.write(recordClass.schema, schema, 0, encodeDescription(description));
    return this;
  }

  record(schema: number, ...values: readonly number[]): this {
    const first = this.producer.begin(recordClass.metric, schema, 0, values.length);
    if (first >= 0) this.producer.columns.set(values, first);
    return this;
  }

  /** All that was written since the last call, as one batch. */
  batch(flags = 0, timeBaseMs = 0): Buffer {
    const batch = this.tryBatch(flags, timeBaseMs);
    if (batch === undefined) throw new Error('nothing was written');
    return batch;
  }

  /** Undefined when there is none. */
  tryBatch(flags = 0, timeBaseMs = 0): Buffer | undefined {
    this.producer.publish();
    const run = this.#ring.run(this.#position, 1 << 20);
    if (run === undefined) return undefined;
    this.#position = run.end;
    this.#ring.move('free', run.end);
    const header = encodeBatchHeader(
      { epoch: this.#epoch, firstSequence: run.firstSequence, count: run.count, timeBaseMs, flags },
      run.bytes,
    );
    return Buffer.concat([header, run.bytes]);
  }
}
