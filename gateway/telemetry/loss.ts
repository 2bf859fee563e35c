// What a LOSS record says: how many records a node had to give up, and why. Pure.
import type { Batch } from '../../protocol/telemetry/batch.ts';
import { RecordCursor } from '../../protocol/telemetry/cursor.ts';
import { lossColumn, lossReason, lossReasonNames, recordClass } from '../../protocol/telemetry/record.ts';

export interface Loss {
  readonly count: number;
  readonly reason: string;
  /**
   * One that the spool made stands in the place of the last record that it reports, so it is none by itself.
   */
  readonly isInPlace: boolean;
}

export function lossOf(cursor: RecordCursor): Loss {
  const column = (index: number) => (cursor.columnCount > index ? cursor.column(index) : 0);
  const bits = column(lossColumn.reason) & 0xff;
  const count = column(lossColumn.count);
  return {
    count: Number.isSafeInteger(count) && count > 0 ? count : 0,
    reason: lossReasonNames(bits).join('+') || 'unknown',
    isInPlace: (bits & (lossReason.spoolCap | lossReason.spoolDamaged)) !== 0,
  };
}

/** Where the range begins that the batch's first record reports as lost; else that record itself. */
export function explainedFrom(batch: Batch): number {
  const cursor = new RecordCursor(batch.records);
  if (!cursor.next() || cursor.recordClass !== recordClass.loss) return batch.firstSequence;
  const { count, isInPlace } = lossOf(cursor);
  return Math.max(0, batch.firstSequence - count + (isInPlace ? 1 : 0));
}
