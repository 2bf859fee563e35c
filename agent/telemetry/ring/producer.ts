// The writing end of a ring: one thread only. `begin` makes room for a record and answers where its columns are; the caller
// stores them straight into shared memory, and the next `begin` or `publish` makes the record complete. Nothing here waits:
// when the ring is full the record is lost, its sequence is spent, and a LOSS record says so as soon as there is
// room. So at every publish: records with a sequence = records written + records lost, exactly.
import {
  lossColumn,
  lossReason,
  lossRecordBytes,
  type RecordClass,
  recordClass,
  recordClassCount,
  recordHeaderBytes,
  recordLimitBytes,
} from '../../../protocol/telemetry/record.ts';
import { headerBytes, openRing, word } from './layout.ts';

/** Unpublished bytes after which `begin` publishes by itself. */
const publishBytes = 16 * 1024;

export class RingProducer {
  /** The data area as columns: store at the index that `begin` answered, and the ones after it. */
  readonly columns: Float64Array;
  readonly bytes: Uint8Array;
  /** Records longer than this are always lost (lossReason.recordTooLarge). */
  readonly recordLimitBytes: number;

  readonly #words: Int32Array;
  readonly #int32: Int32Array;
  readonly #uint16: Uint16Array;
  readonly #capacity: number;
  readonly #mask: number;
  readonly #publishBytes: number;
  readonly #lost = new Int32Array(recordClassCount);
  #position: number;
  #published: number;
  #free: number;
  #sequence: number;
  #written: number;
  #recordStart: number;
  #deltaMs = 0;
  #lossFirst = 0;
  #lossCount = 0;
  #lossReason = 0;

  /** Takes up where the last producer of this memory has published; a worker that died lost only what it had not. */
  constructor(memory: SharedArrayBuffer) {
    const { words, capacityBytes } = openRing(memory);
    this.#words = words;
    this.#capacity = capacityBytes;
    this.#mask = capacityBytes - 1;
    this.#publishBytes = Math.min(publishBytes, capacityBytes / 4);
    this.recordLimitBytes = Math.min(recordLimitBytes, capacityBytes / 2);
    this.columns = new Float64Array(memory, headerBytes, capacityBytes / 8);
    this.bytes = new Uint8Array(memory, headerBytes, capacityBytes);
    this.#int32 = new Int32Array(memory, headerBytes, capacityBytes / 4);
    this.#uint16 = new Uint16Array(memory, headerBytes, capacityBytes / 2);
    this.#position = Atomics.load(words, word.published);
    this.#published = this.#position;
    this.#recordStart = this.#position;
    this.#free = Atomics.load(words, word.free);
    this.#sequence = Atomics.load(words, word.accountSequence);
    this.#written = Atomics.load(words, word.accountWritten);
    for (let index = 0; index < recordClassCount; index += 1) {
      this.#lost[index] = Atomics.load(words, word.accountLost + index);
    }
  }

  /** Room for a record of that many f64 columns: the index of the first in `columns`, or -1 when it is lost. */
  begin(kind: RecordClass, schema: number, deltaMs: number, columnCount: number): number {
    const offset = this.#reserve(kind, schema, deltaMs, recordHeaderBytes + (columnCount << 3));
    return offset < 0 ? -1 : (offset + recordHeaderBytes) >> 3;
  }

  /** Whether `begin` would find room now, for a producer that can wait instead of losing a record. */
  fits(columnCount: number): boolean {
    const bytes = 2 * (recordHeaderBytes + (columnCount << 3)) + lossRecordBytes;
    if (((this.#position + bytes - this.#free) | 0) <= this.#capacity) return true;
    this.publish();
    this.#free = Atomics.load(this.#words, word.free);
    return ((this.#position + bytes - this.#free) | 0) <= this.#capacity;
  }

  /** A record whose payload is bytes (a multiple of 8); false when it is lost. */
  write(kind: RecordClass, schema: number, deltaMs: number, payload: Uint8Array): boolean {
    const offset = this.#reserve(kind, schema, deltaMs, recordHeaderBytes + payload.byteLength);
    if (offset < 0) return false;
    this.bytes.set(payload, offset + recordHeaderBytes);
    return true;
  }

  /** Something is lost that no LOSS record tells of yet: the next `publish` that finds room will. */
  get hasUnreportedLoss(): boolean {
    return this.#lossCount !== 0;
  }

  /** Takes back the record that the last successful `begin` made; nothing may have been begun or published since. */
  cancel(): void {
    this.#position = this.#recordStart;
    this.#sequence = (this.#sequence - 1) | 0;
    this.#written = (this.#written - 1) | 0;
  }

  /** Shows all complete records to the consumer and wakes it when it sleeps. Also tries to report what was lost. */
  publish(): void {
    if (this.#lossCount !== 0) this.#reportLoss();
    this.#storeAccount();
    if (this.#position === this.#published) return;
    this.#published = this.#position;
    Atomics.store(this.#words, word.published, this.#position);
    if (Atomics.load(this.#words, word.waiting) === 1) {
      Atomics.store(this.#words, word.waiting, 0);
      Atomics.notify(this.#words, word.published);
    }
  }

  #reserve(kind: RecordClass, schema: number, deltaMs: number, length: number): number {
    if (((this.#position - this.#published) | 0) >= this.#publishBytes) this.publish();
    this.#deltaMs = deltaMs;
    if (length > this.recordLimitBytes) return this.#lose(kind, lossReason.recordTooLarge);
    if (this.#lossCount !== 0 && !this.#reportLoss()) return this.#lose(kind, lossReason.ringFull);
    this.#recordStart = this.#position;
    const offset = this.#place(kind, schema, deltaMs, length);
    return offset < 0 ? this.#lose(kind, lossReason.ringFull) : offset;
  }

  /** Puts a record's header at the current position, behind padding when it would wrap; -1 when there is no room. */
  #place(kind: RecordClass, schema: number, deltaMs: number, length: number): number {
    let offset = this.#position & this.#mask;
    const toEnd = this.#capacity - offset;
    const padding = length > toEnd ? toEnd : 0;
    if (((this.#position + padding + length - this.#free) | 0) > this.#capacity) {
      this.#free = Atomics.load(this.#words, word.free);
      if (((this.#position + padding + length - this.#free) | 0) > this.#capacity) return -1;
    }
    if (padding !== 0) {
      this.#int32[offset >> 2] = -padding;
      offset = 0;
    }
    this.#int32[offset >> 2] = length;
    this.#int32[(offset >> 2) + 1] = this.#sequence;
    this.#uint16[(offset >> 1) + 4] = schema;
    this.#uint16[(offset >> 1) + 5] = kind;
    this.#int32[(offset >> 2) + 3] = deltaMs;
    this.#position = (this.#position + padding + length) | 0;
    this.#sequence = (this.#sequence + 1) | 0;
    this.#written = (this.#written + 1) | 0;
    return offset;
  }

  #lose(kind: RecordClass, reason: number): -1 {
    if (this.#lossCount === 0) this.#lossFirst = this.#sequence >>> 0;
    this.#lossCount += 1;
    this.#lossReason |= reason;
    this.#sequence = (this.#sequence + 1) | 0;
    this.#lost[kind] = ((this.#lost[kind] ?? 0) + 1) | 0;
    // What lies here unseen must reach the consumer, or a full ring would stay full.
    if (this.#position !== this.#published) this.publish();
    return -1;
  }

  /** The LOSS record stands right behind the range that it reports, so a reader finds every hole explained where it is. */
  #reportLoss(): boolean {
    const offset = this.#place(recordClass.loss, 0, this.#deltaMs, lossRecordBytes);
    if (offset < 0) return false;
    const first = (offset + recordHeaderBytes) >> 3;
    this.columns[first + lossColumn.first] = this.#lossFirst;
    this.columns[first + lossColumn.count] = this.#lossCount;
    this.columns[first + lossColumn.reason] = this.#lossReason;
    this.#lossCount = 0;
    this.#lossReason = 0;
    return true;
  }

  #storeAccount(): void {
    const words = this.#words;
    if (words[word.accountSequence] === this.#sequence && words[word.accountPosition] === this.#position)
      return;
    Atomics.add(words, word.accountVersion, 1);
    Atomics.store(words, word.accountPosition, this.#position);
    Atomics.store(words, word.accountSequence, this.#sequence);
    Atomics.store(words, word.accountWritten, this.#written);
    for (let index = 0; index < recordClassCount; index += 1) {
      const lost = this.#lost[index] ?? 0;
      if (words[word.accountLost + index] !== lost) Atomics.store(words, word.accountLost + index, lost);
    }
    Atomics.add(words, word.accountVersion, 1);
  }
}
