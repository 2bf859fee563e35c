// Numbers of 7 bits a byte, the low ones first, for integers up to 2^53; signed ones are folded so
// that small stays small. The reader trusts nothing: past the end, or of a number that is too
// large, it throws a RangeError.

const limit = 2 ** 53;

export class ByteWriter {
  #bytes: Uint8Array;
  #used = 0;

  constructor(capacityBytes: number) {
    this.#bytes = new Uint8Array(capacityBytes);
  }

  get used(): number {
    return this.#used;
  }

  clear(): void {
    this.#used = 0;
  }

  /** What has been written, until the next `clear`. */
  written(): Uint8Array {
    return this.#bytes.subarray(0, this.#used);
  }

  byte(value: number): void {
    if (this.#used === this.#bytes.length) this.#grow(1);
    this.#bytes[this.#used] = value;
    this.#used += 1;
  }

  bytes(source: Uint8Array): void {
    if (this.#used + source.length > this.#bytes.length) this.#grow(source.length);
    this.#bytes.set(source, this.#used);
    this.#used += source.length;
  }

  unsigned(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.byte((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.byte(rest);
  }

  signed(value: number): void {
    this.unsigned(fold(value));
  }

  #grow(more: number): void {
    const grown = new Uint8Array(Math.max(2 * this.#bytes.length, this.#used + more));
    grown.set(this.#bytes.subarray(0, this.#used));
    this.#bytes = grown;
  }
}

export class ByteReader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#offset;
  }

  byte(): number {
    const value = this.#bytes[this.#offset];
    if (value === undefined) throw new RangeError('it ends in the middle');
    this.#offset += 1;
    return value;
  }

  /** A view, not a copy. */
  bytes(count: number): Uint8Array {
    if (count > this.left) throw new RangeError('it ends in the middle');
    this.#offset += count;
    return this.#bytes.subarray(this.#offset - count, this.#offset);
  }

  unsigned(): number {
    let value = 0;
    let weight = 1;
    for (;;) {
      const byte = this.byte();
      value += (byte & 0x7f) * weight;
      if (value > limit) throw new RangeError('a number is too large');
      if (byte < 0x80) return value;
      weight *= 0x80;
      if (weight > limit) throw new RangeError('a number is too large');
    }
  }

  signed(): number {
    return unfold(this.unsigned());
  }
}

export function fold(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}

export function unfold(folded: number): number {
  return folded % 2 === 0 ? folded / 2 : -(folded + 1) / 2;
}
