// Walks the records of a batch in place, one after the other, without making an object for each. It trusts
// nothing: the first record that does not fit ends the walk with a reason, and it never throws.
import { columnBytes, recordClassCount, recordHeaderBytes, recordLimitBytes } from './record.ts';
import type { RefusalReason } from './refusal.ts';

export class RecordCursor {
  /** Of the record that the cursor stands on. */
  sequence = 0;
  schema = 0;
  recordClass = 0;
  deltaMs = 0;
  lengthBytes = 0;
  /** Why the walk ended early; undefined when it has not, or has come to the end. */
  refusal: RefusalReason | undefined;

  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #offset = 0;

  constructor(records: Uint8Array) {
    this.#bytes = records;
    this.#view = new DataView(records.buffer, records.byteOffset, records.byteLength);
  }

  /** Steps to the next record; false at the end or at one that is malformed (then `refusal` tells why). */
  next(): boolean {
    if (this.refusal !== undefined) return false;
    this.#offset += this.lengthBytes;
    const left = this.#view.byteLength - this.#offset;
    if (left === 0) return false;
    if (left < recordHeaderBytes) return this.#refuse('record-length');
    const length = this.#view.getInt32(this.#offset, true);
    if (length < recordHeaderBytes || length > recordLimitBytes || length > left || (length & 7) !== 0) {
      return this.#refuse('record-length');
    }
    const view = this.#view;
    this.recordClass = view.getUint8(this.#offset + 10);
    if (this.recordClass === 0 || this.recordClass >= recordClassCount) return this.#refuse('record-class');
    this.sequence = view.getUint32(this.#offset + 4, true);
    this.schema = view.getUint16(this.#offset + 8, true);
    this.deltaMs = view.getUint32(this.#offset + 12, true);
    this.lengthBytes = length;
    return true;
  }

  get columnCount(): number {
    return (this.lengthBytes - recordHeaderBytes) / columnBytes;
  }

  column(index: number): number {
    return this.#view.getFloat64(this.#offset + recordHeaderBytes + index * columnBytes, true);
  }

  /** The bytes behind the record's header: the JSON of a description. */
  payload(): Uint8Array {
    return this.#bytes.subarray(this.#offset + recordHeaderBytes, this.#offset + this.lengthBytes);
  }

  #refuse(reason: RefusalReason): boolean {
    this.refusal = reason;
    return false;
  }
}
