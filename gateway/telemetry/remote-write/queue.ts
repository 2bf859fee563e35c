// Samples that wait to be written: a bounded queue in a few flat arrays, so that half a million of them cost
// 18 MB and no object each. When it is full the oldest go of the source that has most of it, and are counted
// by whoever pushes: one that sends without end has only its own to lose, and all that send alike keep alike
// much. What is left keeps its order.
import type { Series } from './series.ts';
import type { Sample } from './write-request.ts';

/** What one source has in the queue; its samples are a list in the order in which they came. */
interface Share {
  readonly source: string;
  oldest: number;
  newest: number;
  count: number;
}

const none = -1;
/**
 * Of labels in what is taken at once: with them it is encoded and compressed in one go, and of a node that
 * repeats long ones 5,000 samples would be 25 MB.
 */
const takenLabelBytes = 2 * 1024 * 1024;

export class SampleQueue {
  readonly capacity: number;
  readonly #series: (Series | undefined)[] = [];
  readonly #timestamps: Float64Array;
  readonly #values: Float64Array;
  /** Places of the neighbours in the order of all, and of the next one of the same source. */
  readonly #before: Int32Array;
  readonly #after: Int32Array;
  readonly #nextOfSource: Int32Array;
  readonly #shares = new Map<string, Share>();
  #largest: Share | undefined;
  #oldest = none;
  #newest = none;
  /** Places that were used and are free, a list by `#after`; beyond `#used` none has been used. */
  #free = none;
  #used = 0;
  #length = 0;
  #labelBytes = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.#timestamps = new Float64Array(capacity);
    this.#values = new Float64Array(capacity);
    this.#before = new Int32Array(capacity);
    this.#after = new Int32Array(capacity);
    this.#nextOfSource = new Int32Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  /** Whether there is as much as `take` gives at once. */
  holds(limit: number): boolean {
    return this.#length >= limit || this.#labelBytes >= takenLabelBytes;
  }

  /** False when another sample had to go for it. */
  push(series: Series, timestampMs: number, value: number): boolean {
    const isFull = this.#length === this.capacity;
    if (isFull) this.#remove(this.#largestBeside(this.#shares.get(series.source)));
    const at = this.#place();
    this.#series[at] = series;
    this.#timestamps[at] = timestampMs;
    this.#values[at] = value;
    this.#before[at] = this.#newest;
    this.#after[at] = none;
    if (this.#newest === none) this.#oldest = at;
    else this.#after[this.#newest] = at;
    this.#newest = at;
    this.#length += 1;
    this.#labelBytes += series.labelBytes;
    this.#give(series.source, at);
    return !isFull;
  }

  /** Up to `limit` of the oldest, fewer where labels are long; of one source alone when that is asked. */
  take(limit: number, ofOneSource = false): Sample[] {
    const taken: Sample[] = [];
    let labelBytes = 0;
    while (taken.length < limit && labelBytes < takenLabelBytes && this.#length > 0) {
      const at = this.#oldest;
      const series = this.#series[at];
      if (series === undefined) break;
      if (ofOneSource && taken[0] !== undefined && taken[0].series.source !== series.source) break;
      labelBytes += series.labelBytes;
      taken.push({ series, timestampMs: this.#timestamps[at] ?? 0, value: this.#values[at] ?? 0 });
      const share = this.#shares.get(series.source);
      if (share !== undefined) this.#remove(share);
    }
    return taken;
  }

  /** Whose oldest goes: `pushing`, unless another has more. */
  #largestBeside(pushing: Share | undefined): Share {
    let largest = this.#largest;
    // Whoever pushes is compared, who is taken from is not: below half of the mean it is
    // surely not the largest any more.
    if (largest === undefined || 2 * largest.count * this.#shares.size < this.#length) {
      for (const share of this.#shares.values())
        if (largest === undefined || share.count > largest.count) largest = share;
      this.#largest = largest;
    }
    if (largest === undefined) throw new Error('a full queue without a source');
    return pushing !== undefined && pushing.count >= largest.count ? pushing : largest;
  }

  #place(): number {
    const at = this.#free;
    if (at !== none) {
      this.#free = this.#after[at] ?? none;
      return at;
    }
    this.#used += 1;
    return this.#used - 1;
  }

  #give(source: string, at: number): void {
    let share = this.#shares.get(source);
    if (share === undefined) {
      share = { source, oldest: at, newest: at, count: 0 };
      this.#shares.set(source, share);
    } else this.#nextOfSource[share.newest] = at;
    share.newest = at;
    share.count += 1;
    if (share.count > (this.#largest?.count ?? 0)) this.#largest = share;
  }

  /** The oldest of this source. */
  #remove(share: Share): void {
    const at = share.oldest;
    const [before, after] = [this.#before[at] ?? none, this.#after[at] ?? none];
    if (before === none) this.#oldest = after;
    else this.#after[before] = after;
    if (after === none) this.#newest = before;
    else this.#before[after] = before;
    this.#labelBytes -= this.#series[at]?.labelBytes ?? 0;
    this.#series[at] = undefined;
    this.#after[at] = this.#free;
    this.#free = at;
    this.#length -= 1;
    share.count -= 1;
    share.oldest = this.#nextOfSource[at] ?? none;
    if (share.count > 0) return;
    this.#shares.delete(share.source);
    if (this.#largest === share) this.#largest = undefined;
  }
}
