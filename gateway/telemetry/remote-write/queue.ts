// Samples that wait to be written: a bounded queue in a few flat arrays, so that half a million of them cost
// 12 MB and no object each. When it is full the oldest go, and are counted by whoever pushes.
import type { Series } from './series.ts';
import type { Sample } from './write-request.ts';

export class SampleQueue {
  readonly capacity: number;
  readonly #series: (Series | undefined)[] = [];
  readonly #timestamps: Float64Array;
  readonly #values: Float64Array;
  #first = 0;
  #length = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.#timestamps = new Float64Array(capacity);
    this.#values = new Float64Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  /** False when the oldest sample had to go for it. */
  push(series: Series, timestampMs: number, value: number): boolean {
    const isFull = this.#length === this.capacity;
    if (isFull) this.#drop();
    const at = (this.#first + this.#length) % this.capacity;
    this.#series[at] = series;
    this.#timestamps[at] = timestampMs;
    this.#values[at] = value;
    this.#length += 1;
    return !isFull;
  }

  /** Up to `limit` of the oldest; of one source alone when that is asked. */
  take(limit: number, ofOneSource = false): Sample[] {
    const taken: Sample[] = [];
    while (taken.length < limit && this.#length > 0) {
      const series = this.#series[this.#first];
      if (series === undefined) break;
      if (ofOneSource && taken[0] !== undefined && taken[0].series.source !== series.source) break;
      taken.push({
        series,
        timestampMs: this.#timestamps[this.#first] ?? 0,
        value: this.#values[this.#first] ?? 0,
      });
      this.#drop();
    }
    return taken;
  }

  #drop(): void {
    this.#series[this.#first] = undefined;
    this.#first = (this.#first + 1) % this.capacity;
    this.#length -= 1;
  }
}
