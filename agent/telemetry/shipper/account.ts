// What became of the records of this process: produced = acknowledged + pending + lost, in records, whenever
// it is asked. The ring counts in 32 bits, this for ever.
import type { RingConsumer } from '../ring/consumer.ts';
import { Counter32 } from './counter32.ts';

export interface TelemetryAccount {
  readonly produced: number;
  readonly acknowledged: number;
  readonly pending: number;
  readonly lost: number;
}

export class RecordAccount {
  readonly #ring: RingConsumer;
  readonly #written = new Counter32();
  readonly #lost = new Counter32();
  #acknowledged = 0;

  constructor(ring: RingConsumer) {
    this.#ring = ring;
  }

  /** From the ring; what the spool has replayed it counts itself. */
  acknowledge(records: number): void {
    this.#acknowledged += records;
  }

  now(
    spool: { readonly acknowledgedRecords: number; readonly lostRecords: number } | undefined,
  ): TelemetryAccount {
    const { written, lost } = this.#ring.account();
    const all = this.#written.advance(written);
    const gone = this.#lost.advance(lost);
    const dropped = spool?.lostRecords ?? 0;
    const acknowledged = this.#acknowledged + (spool?.acknowledgedRecords ?? 0);
    return {
      produced: all + gone,
      acknowledged,
      pending: all - acknowledged - dropped,
      lost: gone + dropped,
    };
  }
}
