// The writing end of a ring: one thread only. `begin` makes room for a record and answers where its columns
// are; the caller stores them straight into shared memory, and the next `begin` or `publish` makes the record
// complete. Nothing here waits: when the ring is full the record is lost, its sequence is spent, and a LOSS
// record says so as soon as there is room. Always, whatever store was the last before this thread died:
// sequences = records written + lost.
import {
  lossColumn,
  lossReason,
  lossRecordBytes,
  type RecordClass,
  recordClass,
  recordHeaderBytes,
  recordLimitBytes,
} from '../../../protocol/telemetry/record.ts';
import { LatestWords } from './latest-words.ts';
import { accountLayout, accountWord, headerBytes, openRing, word } from './layout.ts';

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
  readonly #account: LatestWords;
  /** As it is published next; `lost` is counted in here. */
  readonly #next = new Int32Array(accountLayout.length);
  #position: number;
  #published: number;
  #free: number;
  #sequence: number;
  #recordStart: number;
  #deltaMs = 0;
  #lossCount: number;
  #lossReason: number;

  /**
   * Takes up where the last producer of this memory died: what it began and did not
   * publish is lost, and counted.
   */
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
    this.#account = new LatestWords(words, accountLayout);
    this.#account.read(this.#next);
    this.#position = this.#next[accountWord.published] ?? 0;
    this.#published = this.#position;
    this.#recordStart = this.#position;
    this.#free = Atomics.load(words, word.free);
    this.#sequence = this.#next[accountWord.sequence] ?? 0;
    this.#lossCount = this.#next[accountWord.unreported] ?? 0;
    this.#lossReason = this.#next[accountWord.unreportedReason] ?? 0;
    this.#loseUnpublished();
    // The last one may have died before it woke the consumer.
    this.#wake();
  }

  /**
   * Room for a record of that many f64 columns: the index of the first in `columns`, or -1 when it is lost.
   */
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

  /**
   * Takes back the record that the last successful `begin` made; nothing may have
   * been begun or published since.
   */
  cancel(): void {
    this.#position = this.#recordStart;
    this.#sequence = (this.#sequence - 1) | 0;
    this.#words[word.begun] = this.#sequence;
  }

  /**
   * Shows all complete records to the consumer and wakes it when it sleeps. Also
   * tries to report what was lost.
   */
  publish(): void {
    if (this.#lossCount !== 0) this.#reportLoss();
    this.#commit();
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

  /**
   * Puts a record's header at the current position, behind padding when it would
   * wrap; -1 when there is no room.
   */
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
    this.#int32[(offset >> 2) + 2] = (schema & 0xffff) | (kind << 16);
    this.#int32[(offset >> 2) + 3] = deltaMs;
    this.#position = (this.#position + padding + length) | 0;
    this.#sequence = (this.#sequence + 1) | 0;
    this.#words[word.begun] = this.#sequence;
    return offset;
  }

  #lose(kind: RecordClass, reason: number): -1 {
    this.#lossCount += 1;
    this.#lossReason |= reason;
    this.#sequence = (this.#sequence + 1) | 0;
    this.#countLost(kind);
    // Nothing else tells of it if this thread dies now; and what lies here unseen must reach the consumer, or
    // a full ring would stay full.
    this.#commit(1);
    return -1;
  }

  /**
   * The LOSS record stands right behind the range that it reports, so a reader finds every hole explained
   * where it is. Until it is published the range is unreported, whether it is written or not.
   */
  #reportLoss(): boolean {
    const lossFirst = (this.#sequence - this.#lossCount) >>> 0;
    const offset = this.#place(recordClass.loss, 0, this.#deltaMs, lossRecordBytes);
    if (offset < 0) return false;
    const first = (offset + recordHeaderBytes) >> 3;
    this.columns[first + lossColumn.first] = lossFirst;
    this.columns[first + lossColumn.count] = this.#lossCount;
    this.columns[first + lossColumn.reason] = this.#lossReason;
    this.#lossCount = 0;
    this.#lossReason = 0;
    return true;
  }

  /**
   * What the last producer began behind its last commit lies there header by header,
   * but its columns may be half.
   */
  #loseUnpublished(): void {
    const count = ((this.#words[word.begun] ?? 0) - this.#sequence) | 0;
    if (count <= 0) return;
    let position = this.#position;
    for (let record = 0; record < count; record += 1) {
      const padding = -Math.min(0, this.#int32[(position & this.#mask) >> 2] ?? 0);
      const offset = (position + padding) & this.#mask;
      this.#countLost((this.#uint16[(offset >> 1) + 5] ?? 0) as RecordClass);
      position = (position + padding + (this.#int32[offset >> 2] ?? 0)) | 0;
    }
    this.#lossCount += count;
    this.#lossReason |= lossReason.producerEnded;
    this.#sequence = (this.#sequence + count) | 0;
    this.#commit(count);
  }

  #countLost(kind: RecordClass): void {
    const index = accountWord.lost + kind;
    this.#next[index] = ((this.#next[index] ?? 0) + 1) | 0;
  }

  /**
   * Shows the consumer all of it at once: positions, sequences and losses. So many of the
   * sequences since the last are lost.
   */
  #commit(lost = 0): void {
    const next = this.#next;
    const spent = (this.#sequence - (next[accountWord.sequence] ?? 0)) | 0;
    if (spent === 0) return;
    next[accountWord.published] = this.#position;
    next[accountWord.sequence] = this.#sequence;
    next[accountWord.written] = ((next[accountWord.written] ?? 0) + spent - lost) | 0;
    next[accountWord.unreported] = this.#lossCount;
    next[accountWord.unreportedReason] = this.#lossReason;
    this.#account.write(next);
    this.#words[word.begun] = this.#sequence;
    if (this.#position === this.#published) return;
    this.#published = this.#position;
    this.#wake();
  }

  #wake(): void {
    if (Atomics.load(this.#words, word.waiting) === 1) Atomics.notify(this.#words, word.accountVersion);
  }
}
