// The batch: a header of 40 bytes and a run of whole records as they lie in the ring. One TELE frame carries
// one batch, and a spool segment is a row of them. Little-endian:
//
//   offset 0   u64  epoch: one producer's life; never used twice by a node
//          8   u64  sequence of the first record (the records hold its low 32 bits)
//         16   u32  count of records
//         20   u32  bytes of records
//         24   u64  time base: ms since the Unix epoch for Δms = 0
//         32   u32  flags (batchFlag)
//         36   u32  crc32 of bytes 0 to 36 and of the records
//
// Decoding is bounded and never throws: what is not wholly well-formed is refused with a
// reason, and nothing of it counts.
import { crc32 } from 'node:zlib';
import { RecordCursor } from './cursor.ts';
import type { RefusalReason } from './refusal.ts';

export const batchHeaderBytes = 40;
/** Header and records together: fits with the frame header into one 64 KiB message. */
export const batchLimitBytes = 60 * 1024;

export const batchFlag = {
  /** Descriptions only, outside the sequence: never acknowledged, may come twice, the last one counts. */
  description: 1,
  /** From the spool, beside live records: must not overwrite a latest value. */
  replay: 2,
  /**
   * All before the first record is acknowledged by some gateway or reported lost: no gap,
   * wherever the receiver stands.
   */
  resumed: 4,
} as const;

export interface BatchHeader {
  readonly epoch: number;
  readonly firstSequence: number;
  readonly count: number;
  readonly timeBaseMs: number;
  readonly flags: number;
}

export interface Batch extends BatchHeader {
  readonly kind: 'batch';
  /** One more than the sequence of the last record. */
  readonly nextSequence: number;
  readonly records: Uint8Array;
}

export interface Refusal {
  readonly kind: 'refused';
  readonly reason: RefusalReason;
}

/** The header for these record bytes, which are read (for the checksum) and not copied. */
export function encodeBatchHeader(header: BatchHeader, records: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(batchHeaderBytes);
  const view = new DataView(bytes.buffer);
  writeU64(view, 0, header.epoch);
  writeU64(view, 8, header.firstSequence);
  view.setUint32(16, header.count, true);
  view.setUint32(20, records.byteLength, true);
  writeU64(view, 24, header.timeBaseMs);
  view.setUint32(32, header.flags, true);
  view.setUint32(36, checksum(bytes, records), true);
  return bytes;
}

/** Checks lengths, checksum and every record's frame. The records are a view of `payload`, not a copy. */
export function decodeBatch(payload: Uint8Array): Batch | Refusal {
  if (payload.byteLength < batchHeaderBytes) return refused('too-short');
  if (payload.byteLength > batchLimitBytes) return refused('too-large');
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const records = payload.subarray(batchHeaderBytes);
  if (view.getUint32(20, true) !== records.byteLength) return refused('length-mismatch');
  if (view.getUint32(36, true) !== checksum(payload, records)) return refused('checksum');
  const epoch = readU64(view, 0);
  const firstSequence = readU64(view, 8);
  const timeBaseMs = readU64(view, 24);
  if (epoch === undefined || firstSequence === undefined || timeBaseMs === undefined) {
    return refused('number-out-of-range');
  }
  const count = view.getUint32(16, true);
  const flags = view.getUint32(32, true);
  const nextSequence = checkRecords(records, firstSequence, count, (flags & batchFlag.description) !== 0);
  if (typeof nextSequence !== 'number') return nextSequence;
  return { kind: 'batch', epoch, firstSequence, count, timeBaseMs, flags, nextSequence, records };
}

/**
 * Walks the records once: lengths add up, sequences only rise, the count is right. Returns the next sequence.
 */
function checkRecords(
  records: Uint8Array,
  firstSequence: number,
  count: number,
  describes: boolean,
): number | Refusal {
  const cursor = new RecordCursor(records);
  let sequence = firstSequence - 1;
  let seen = 0;
  while (cursor.next()) {
    const step = (cursor.sequence - sequence) >>> 0;
    if (!describes && (step === 0 || step > 0x7fff_ffff)) return refused('record-sequence');
    sequence += describes ? 0 : step;
    seen += 1;
    if (seen === 1 && !describes && sequence !== firstSequence) return refused('record-sequence');
  }
  if (cursor.refusal !== undefined) return refused(cursor.refusal);
  return seen === count && seen > 0 ? sequence + 1 : refused('record-count');
}

function checksum(header: Uint8Array, records: Uint8Array): number {
  return crc32(records, crc32(header.subarray(0, 36)));
}

export function writeU64(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value % 0x1_0000_0000, true);
  view.setUint32(offset + 4, Math.floor(value / 0x1_0000_0000), true);
}

/** undefined above 2^53. */
export function readU64(view: DataView, offset: number): number | undefined {
  const value = view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 0x1_0000_0000;
  return Number.isSafeInteger(value) ? value : undefined;
}

function refused(reason: RefusalReason): Refusal {
  return { kind: 'refused', reason };
}
