// What both ends of one connection remember of the packed batches that went over it: the last record of
// each schema, which schema came after which, and where the sequence and the times stand. Both ends
// change it by the same steps in the same order, so it is never sent; it begins empty with each
// connection. What it may remember is bounded, and the bounds are part of the wire format: a schema
// beyond them is packed against zeros.
import { unscaled } from './scale.ts';

/** A batch of more is not packed, and no packed batch may unpack to more. */
export const packedBatchLimitBytes = 54 * 1024;
/** Sequences and times above it are not packed: differences of numbers below are exact. */
export const packedNumberLimit = 2 ** 50;
/** Columns that one end of a connection remembers, at 9 bytes each, and schemas. */
const rememberedColumns = 16_384;
const rememberedSchemas = 2048;

/** Of one schema. */
export interface Remembered {
  readonly schema: number;
  /** The columns of its last record, two words each. */
  readonly words: Int32Array;
  readonly scales: Uint8Array;
  /** The schema of the record behind its last one; -1 while unknown. */
  follower: number;
}

export class PackingContext {
  epoch = 0;
  nextSequence = 0;
  timeBaseMs = 0;
  deltaMs = 0;
  readonly #schemas = new Map<number, Remembered>();
  #columns = 0;
  #last: Remembered | undefined;

  /** What probably comes next: the schema that came behind the last record's schema the time before. */
  get predicted(): Remembered | undefined {
    return this.#last === undefined ? undefined : this.#schemas.get(this.#last.follower);
  }

  /** A record of this schema comes next. Changed in place by whoever packs or unpacks it. */
  enter(schema: number, columns: number): Remembered {
    const known = this.#schemas.get(schema);
    const remembered = known?.scales.length === columns ? known : this.#remember(schema, columns);
    if (this.#last !== undefined) this.#last.follower = schema;
    this.#last = remembered;
    return remembered;
  }

  /** The batch ends with this sequence, of which its last record holds the low 32 bits. */
  passed(lastSequence: number): void {
    this.nextSequence += ((lastSequence - this.nextSequence) >>> 0) + 1;
  }

  #remember(schema: number, columns: number): Remembered {
    const fresh = {
      schema,
      words: new Int32Array(columns * 2),
      scales: new Uint8Array(columns).fill(unscaled),
      follower: -1,
    };
    this.#columns -= this.#schemas.get(schema)?.scales.length ?? 0;
    this.#schemas.delete(schema);
    const hasRoom = this.#schemas.size < rememberedSchemas && this.#columns + columns <= rememberedColumns;
    if (hasRoom) {
      this.#schemas.set(schema, fresh);
      this.#columns += columns;
    }
    return fresh;
  }
}
