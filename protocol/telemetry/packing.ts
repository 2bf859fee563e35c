// Packs a batch for the wire: what the peer knows from the batches before it on the same connection is left
// out, the rest is written as differences. Lossless to the bit, and without a compression library: small
// numbers are what there is to gain. Four sections, one after the other:
//
//   header   varints: epoch (0: as before, else epoch + 1), flags, count of records, then as differences
//            to what was to be expected the first sequence, the time base and the first Δms; the batch's
//            own crc32 as it is
//   control  2n: n records as predicted; 1 + 4 × schema, then columns, step in sequence - 1, Δms as a
//            difference;
//            3 + 4 × (length ÷ 8): a record as it lies
//   bits     one for each column of the records that are not sent as they lie: changed or not
//   values   each changed column (packed-column.ts); records as they lie in their places
import { batchHeaderBytes, readU64 } from './batch.ts';
import { writeColumn } from './packed-column.ts';
import {
  PackingContext,
  packedBatchLimitBytes,
  packedNumberLimit,
  type Remembered,
} from './packing-context.ts';
import { columnBytes, recordClass, recordHeaderBytes, recordLimitBytes } from './record.ts';
import { ByteWriter } from './varint.ts';

/** Shared by all packers of a process: packing never waits. */
const control = new ByteWriter(1024);
const bits = new ByteWriter(1024);
const values = new ByteWriter(4096);

export class BatchPacker {
  readonly #context = new PackingContext();
  /** Records as predicted that are not written yet. */
  #run = 0;
  /** Of the record before. */
  #sequence = 0;
  #deltaMs = 0;
  #bit = 0;
  #bitByte = 0;

  /** In memory of its own. Undefined, and nothing has happened: not a batch that can be packed. */
  pack(header: Uint8Array, records: Uint8Array): Uint8Array | undefined {
    if (header.length !== batchHeaderBytes || header.length + records.length > packedBatchLimitBytes)
      return undefined;
    const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
    const fields = new DataView(header.buffer, header.byteOffset, header.byteLength);
    if (!isWhole(fields, view)) return undefined;
    control.clear();
    bits.clear();
    values.clear();
    this.#bit = 0;
    this.#bitByte = 0;
    this.#writeHeader(fields, header, view.getUint32(12, true));
    for (let offset = 0; offset < records.length; offset += view.getInt32(offset, true)) {
      this.#writeRecord(view, offset, records);
    }
    this.#endRun();
    if (this.#bit > 0) bits.byte(this.#bitByte);
    this.#context.passed(this.#sequence);
    return joined([control.written(), bits.written(), values.written()]);
  }

  #writeHeader(fields: DataView, header: Uint8Array, deltaMs: number): void {
    const context = this.#context;
    const epoch = readU64(fields, 0) ?? 0;
    const firstSequence = readU64(fields, 8) ?? 0;
    const timeBaseMs = readU64(fields, 24) ?? 0;
    control.unsigned(epoch === context.epoch ? 0 : epoch + 1);
    control.unsigned(fields.getUint32(32, true));
    control.unsigned(fields.getUint32(16, true));
    control.signed(firstSequence - context.nextSequence);
    control.signed(timeBaseMs - context.timeBaseMs);
    control.signed(deltaMs - context.deltaMs);
    control.bytes(header.subarray(36, 40));
    context.epoch = epoch;
    context.nextSequence = firstSequence;
    context.timeBaseMs = timeBaseMs;
    context.deltaMs = deltaMs;
    this.#deltaMs = deltaMs;
    this.#sequence = (firstSequence - 1) >>> 0;
  }

  #writeRecord(view: DataView, offset: number, records: Uint8Array): void {
    const context = this.#context;
    const length = view.getInt32(offset, true);
    const sequence = view.getUint32(offset + 4, true);
    if (view.getUint16(offset + 10, true) !== recordClass.metric) {
      this.#endRun();
      control.unsigned(3 + 4 * (length / 8));
      values.bytes(records.subarray(offset, offset + length));
      this.#sequence = sequence;
      return;
    }
    const schema = view.getUint16(offset + 8, true);
    const columns = (length - recordHeaderBytes) / columnBytes;
    const deltaMs = view.getUint32(offset + 12, true);
    const step = (sequence - this.#sequence - 1) >>> 0;
    const { predicted } = context;
    if (
      predicted?.schema === schema &&
      predicted.scales.length === columns &&
      step === 0 &&
      deltaMs === this.#deltaMs
    ) {
      this.#run += 1;
    } else {
      this.#endRun();
      control.unsigned(1 + 4 * schema);
      control.unsigned(columns);
      control.unsigned(step);
      control.signed(deltaMs - this.#deltaMs);
    }
    this.#sequence = sequence;
    this.#deltaMs = deltaMs;
    this.#writeColumns(view, offset + recordHeaderBytes, context.enter(schema, columns));
  }

  #writeColumns(view: DataView, offset: number, known: Remembered): void {
    const { words } = known;
    for (let column = 0; column < known.scales.length; column += 1) {
      const low = view.getInt32(offset + 8 * column, true);
      const high = view.getInt32(offset + 8 * column + 4, true);
      const isChanged = words[2 * column] !== low || words[2 * column + 1] !== high;
      this.#writeBit(isChanged);
      if (isChanged) writeColumn(values, known, column, low, high);
    }
  }

  #writeBit(isSet: boolean): void {
    if (isSet) this.#bitByte |= 1 << this.#bit;
    this.#bit += 1;
    if (this.#bit < 8) return;
    bits.byte(this.#bitByte);
    this.#bit = 0;
    this.#bitByte = 0;
  }

  #endRun(): void {
    if (this.#run > 0) control.unsigned(2 * this.#run);
    this.#run = 0;
  }
}

/** What the header says of the records is so, and its numbers are small enough for exact differences. */
function isWhole(header: DataView, records: DataView): boolean {
  const [epoch, firstSequence, timeBaseMs] = [readU64(header, 0), readU64(header, 8), readU64(header, 24)];
  if (epoch === undefined || !((firstSequence ?? Number.NaN) <= packedNumberLimit)) return false;
  if (!((timeBaseMs ?? Number.NaN) <= packedNumberLimit)) return false;
  if (header.getUint32(20, true) !== records.byteLength) return false;
  let count = 0;
  let offset = 0;
  for (; offset < records.byteLength; count += 1) {
    if (records.byteLength - offset < recordHeaderBytes) return false;
    const length = records.getInt32(offset, true);
    if (length < recordHeaderBytes || length > recordLimitBytes || (length & 7) !== 0) return false;
    offset += length;
  }
  return offset === records.byteLength && count > 0 && count === header.getUint32(16, true);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}
