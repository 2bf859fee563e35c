// Makes of a packed batch (packing.ts has its form) the bytes that were packed, to the bit. It trusts
// nothing: what does not fit is an UnpackingError, after which the two ends no longer remember the same and
// the connection must end. No input can make it hold more than `packedBatchLimitBytes` for a batch and what
// packing-context.ts bounds between batches.
import { batchHeaderBytes, writeU64 } from './batch.ts';
import { readColumn } from './packed-column.ts';
import {
  PackingContext,
  packedBatchLimitBytes,
  packedNumberLimit,
  type Remembered,
} from './packing-context.ts';
import { columnBytes, recordClass, recordHeaderBytes, recordLimitBytes } from './record.ts';
import { ByteReader } from './varint.ts';

export class UnpackingError extends RangeError {}

/** A record whose columns are still to come; `known` is missing for one that is sent as it lies. */
interface Outline {
  readonly length: number;
  readonly known: Remembered | undefined;
  /** Sequences that were left out before it. */
  readonly step: number;
  readonly deltaMs: number;
}

interface Header {
  readonly flags: number;
  readonly count: number;
  readonly checksum: Uint8Array;
}

const wordLimit = 0xffff_ffff;

export class BatchUnpacker {
  readonly #context = new PackingContext();

  /** The batch, header and all, in memory of its own. */
  unpack(packed: Uint8Array): Uint8Array {
    try {
      return this.#unpack(new ByteReader(packed));
    } catch (error) {
      if (error instanceof RangeError) throw new UnpackingError(error.message);
      throw error;
    }
  }

  #unpack(source: ByteReader): Uint8Array {
    const header = this.#readHeader(source);
    const outlines = this.#readControl(source, header.count);
    const recordBytes = outlines.reduce((sum, { length }) => sum + length, 0);
    const columns = outlines.reduce((sum, { known }) => sum + (known?.scales.length ?? 0), 0);
    const bits = source.bytes(Math.ceil(columns / 8));
    const batch = new Uint8Array(batchHeaderBytes + recordBytes);
    const lastSequence = this.#readValues(source, bits, outlines, batch.subarray(batchHeaderBytes));
    if (source.left > 0) throw new RangeError('there is more than a batch');
    this.#writeHeader(batch, header, recordBytes);
    this.#context.passed(lastSequence);
    return batch;
  }

  #readHeader(source: ByteReader): Header {
    const context = this.#context;
    const epoch = source.unsigned();
    const flags = within(source.unsigned(), wordLimit);
    const count = within(source.unsigned(), packedBatchLimitBytes / recordHeaderBytes);
    if (epoch > 0) context.epoch = within(epoch - 1, Number.MAX_SAFE_INTEGER);
    context.nextSequence = within(context.nextSequence + source.signed(), packedNumberLimit);
    context.timeBaseMs = within(context.timeBaseMs + source.signed(), packedNumberLimit);
    context.deltaMs = within(context.deltaMs + source.signed(), wordLimit);
    return { flags, count, checksum: source.bytes(4) };
  }

  #readControl(source: ByteReader, count: number): Outline[] {
    const outlines: Outline[] = [];
    let room = packedBatchLimitBytes - batchHeaderBytes;
    let { deltaMs } = this.#context;
    const add = (length: number, step: number, enter?: () => Remembered) => {
      room -= length;
      if (room < 0 || length > recordLimitBytes || outlines.length === count) {
        throw new RangeError('it holds more than it may');
      }
      outlines.push({ length, known: enter?.(), step, deltaMs });
    };
    const addPacked = (schema: number, columns: number, step: number) =>
      add(recordHeaderBytes + columns * columnBytes, step, () => this.#context.enter(schema, columns));
    while (outlines.length < count) {
      const mark = source.unsigned();
      if (mark % 4 === 3) {
        const length = ((mark - 3) / 4) * 8;
        if (length < recordHeaderBytes) throw new RangeError('a record is too short');
        add(length, 0);
      } else if (mark % 2 === 0) {
        if (mark === 0) throw new RangeError('an empty run');
        for (let left = mark / 2; left > 0; left -= 1) {
          const { predicted } = this.#context;
          if (predicted === undefined) throw new RangeError('nothing was to be expected');
          addPacked(predicted.schema, predicted.scales.length, 0);
        }
      } else {
        const columns = source.unsigned();
        const step = within(source.unsigned(), wordLimit);
        deltaMs = within(deltaMs + source.signed(), wordLimit);
        addPacked(within((mark - 1) / 4, 0xffff), columns, step);
      }
    }
    return outlines;
  }

  /** Returns the sequence of the last record, its low 32 bits. */
  #readValues(
    source: ByteReader,
    bits: Uint8Array,
    outlines: readonly Outline[],
    records: Uint8Array,
  ): number {
    const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
    let sequence = (this.#context.nextSequence - 1) >>> 0;
    let offset = 0;
    let bit = 0;
    for (const { length, known, step, deltaMs } of outlines) {
      if (known === undefined) {
        records.set(source.bytes(length), offset);
        if (view.getInt32(offset, true) !== length) throw new RangeError('a record of another length');
        sequence = view.getUint32(offset + 4, true);
      } else {
        sequence = (sequence + 1 + step) >>> 0;
        view.setInt32(offset, length, true);
        view.setUint32(offset + 4, sequence, true);
        view.setUint16(offset + 8, known.schema, true);
        view.setUint16(offset + 10, recordClass.metric, true);
        view.setUint32(offset + 12, deltaMs, true);
        for (let column = 0; column < known.scales.length; column += 1, bit += 1) {
          if (((bits[bit >> 3] ?? 0) >> (bit & 7)) & 1) readColumn(source, known, column);
          const at = offset + recordHeaderBytes + column * columnBytes;
          view.setInt32(at, known.words[2 * column] ?? 0, true);
          view.setInt32(at + 4, known.words[2 * column + 1] ?? 0, true);
        }
      }
      offset += length;
    }
    return sequence;
  }

  #writeHeader(batch: Uint8Array, { flags, count, checksum }: Header, recordBytes: number): void {
    const { epoch, nextSequence, timeBaseMs } = this.#context;
    const view = new DataView(batch.buffer);
    writeU64(view, 0, epoch);
    writeU64(view, 8, nextSequence);
    view.setUint32(16, count, true);
    view.setUint32(20, recordBytes, true);
    writeU64(view, 24, timeBaseMs);
    view.setUint32(32, flags, true);
    batch.set(checksum, 36);
  }
}

function within(value: number, limit: number): number {
  if (value < 0 || value > limit) throw new RangeError('a number is out of range');
  return value;
}
