// What the producing thread writes and the test expects: both sides compute it from the same numbers.

export interface ProducingInput {
  readonly memory: SharedArrayBuffer;
  /** The first record's number; a successor's lie behind all of the one before it. */
  readonly first?: number;
  readonly records: number;
  readonly columnLimit: number;
  readonly burst: number;
  readonly stallMs: number;
  readonly seed: number;
}

/** The column of the record that was begun as number `record` (its Δms says which). */
export function columnOf(record: number, column: number): number {
  return record * 1024 + column + 0.5;
}

/** A small generator (mulberry32), so that both threads need nothing but a seed. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }
}
