// A segment: a file of blocks, each of them a batch exactly as it goes over the wire
// (protocol/telemetry/batch.ts). Its name tells order, epoch and first sequence:
// `0000000042-<epoch>-<sequence>.segment`. Reading one never throws for what is in it: the first
// block that is not whole ends it.
import {
  type Batch,
  batchFlag,
  batchHeaderBytes,
  batchLimitBytes,
  decodeBatch,
} from '../../../protocol/telemetry/batch.ts';
import { RecordCursor } from '../../../protocol/telemetry/cursor.ts';
import type { SpoolFile } from '../../host/spool-files.ts';

export interface SegmentName {
  /** Rises by one from file to file, whatever the clock says. */
  readonly ordinal: number;
  readonly epoch: number;
  readonly firstSequence: number;
}

/** A segment on the disk, as far as it is whole. */
export interface Segment extends SegmentName {
  /** One more than the last sequence in it; `firstSequence` while it holds only descriptions. */
  nextSequence: number;
  sizeBytes: number;
  /** Ring position behind its last block; only of segments that this process has written. */
  ringEnd?: number;
}

export interface Block {
  readonly batch: Batch;
  /** Header and records, as they lie in the file. */
  readonly bytes: Uint8Array;
  readonly endOffset: number;
}

export const segmentLimitBytes = 8 * 1024 * 1024;

export function segmentFileName({ ordinal, epoch, firstSequence }: SegmentName): string {
  return `${String(ordinal).padStart(10, '0')}-${epoch}-${firstSequence}.segment`;
}

export function parseSegmentFileName(file: string): SegmentName | undefined {
  const match = /^(\d{10})-(\d{1,16})-(\d{1,16})\.segment$/.exec(file);
  if (match === null) return undefined;
  const [ordinal = 0, epoch = 0, firstSequence = 0] = match.slice(1).map(Number);
  return [ordinal, epoch, firstSequence].every(Number.isSafeInteger)
    ? { ordinal, epoch, firstSequence }
    : undefined;
}

/** The block at an offset; undefined at the end, 'damaged' when there are bytes that are no whole block. */
export async function readBlock(file: SpoolFile, offset: number): Promise<Block | 'damaged' | undefined> {
  const bytes = await file.read(offset, batchLimitBytes);
  if (bytes.byteLength === 0) return undefined;
  if (bytes.byteLength < batchHeaderBytes) return 'damaged';
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = batchHeaderBytes + view.getUint32(20, true);
  if (length > bytes.byteLength) return 'damaged';
  const whole = bytes.subarray(0, length);
  const batch = decodeBatch(whole);
  return batch.kind === 'batch' ? { batch, bytes: whole, endOffset: offset + length } : 'damaged';
}

export function isDescription(batch: Batch): boolean {
  return (batch.flags & batchFlag.description) !== 0;
}

/** How many records of a batch have this sequence or a later one. */
export function recordsFrom(batch: Batch, sequence: number): number {
  if (batch.firstSequence >= sequence) return batch.count;
  if (batch.nextSequence <= sequence) return 0;
  const cursor = new RecordCursor(batch.records);
  let count = 0;
  while (cursor.next()) {
    const at = batch.firstSequence + ((cursor.sequence - batch.firstSequence) >>> 0);
    if (at >= sequence) count += 1;
  }
  return count;
}
