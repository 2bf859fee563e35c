// The latest version of a row of words: one thread writes it, another reads it whole. The writer fills the
// copy that nobody reads and then turns the version, by one store; so one that dies at any moment leaves
// the version before it. The reader reads again only when the version was turned meanwhile, so a writer
// that is gone never holds it up.

/** Where the row lies in a header of words. */
export interface LatestLayout {
  /** Even: the first copy counts; odd: the second. */
  readonly version: number;
  readonly copies: readonly [number, number];
  readonly length: number;
}

export class LatestWords {
  readonly #words: Int32Array;
  readonly #version: number;
  readonly #even: number;
  readonly #odd: number;
  readonly #length: number;

  constructor(words: Int32Array, { version, copies, length }: LatestLayout) {
    this.#words = words;
    this.#version = version;
    [this.#even, this.#odd] = copies;
    this.#length = length;
  }

  /** Rises with every write, mod 2³². */
  get version(): number {
    return Atomics.load(this.#words, this.#version);
  }

  /** One writer only. Nothing of it is seen before its last store. */
  write(row: Int32Array): void {
    const words = this.#words;
    const next = (this.version + 1) | 0;
    const copy = this.#copyOf(next);
    for (let index = 0; index < this.#length; index += 1) {
      const value = row[index] ?? 0;
      // What stayed as it was two versions ago needs no store, which would cost a fence.
      if (words[copy + index] !== value) Atomics.store(words, copy + index, value);
    }
    Atomics.store(words, this.#version, next);
  }

  /** All words of one version. */
  read(row: Int32Array): void {
    for (let version = this.version; ; ) {
      const copy = this.#copyOf(version);
      for (let index = 0; index < this.#length; index += 1) {
        row[index] = Atomics.load(this.#words, copy + index);
      }
      const after = this.version;
      if (after === version) return;
      version = after;
    }
  }

  /** One word of the latest version. */
  at(index: number): number {
    for (let version = this.version; ; ) {
      const value = Atomics.load(this.#words, this.#copyOf(version) + index);
      const after = this.version;
      if (after === version) return value;
      version = after;
    }
  }

  #copyOf(version: number): number {
    return (version & 1) === 0 ? this.#even : this.#odd;
  }
}
