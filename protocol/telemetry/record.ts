// The record: what a collector writes into the ring, what travels in a batch and what lies in a spool block.
// The same bytes in all three places, little-endian, 8-byte aligned:
//
//   offset 0   i32  total length in bytes, a multiple of 8; negative: padding of so many bytes
//          4   u32  sequence, mod 2³², one more for every record of the ring, lost ones too
//          8   u16  schema: which description tells what the columns mean
//         10   u8   class (recordClass)
//         11   u8   flags, 0
//         12   u32  Δms: milliseconds since the batch's time base
//         16   f64  columns; for class `schema` UTF-8 JSON instead, filled up with spaces

export const recordHeaderBytes = 16;
export const columnBytes = 8;
/** A record never exceeds this: a batch of one record always fits into one tunnel frame. */
export const recordLimitBytes = 32 * 1024;

export const recordClass = { padding: 0, metric: 1, schema: 2, loss: 3 } as const;
export type RecordClass = (typeof recordClass)[keyof typeof recordClass];
/** Room for classes to come; loss is counted for each of them. */
export const recordClassCount = 8;

/** Bits of a LOSS record's reason column; one range may have several. */
export const lossReason = {
  ringFull: 1,
  recordTooLarge: 2,
  spoolCap: 4,
  spoolDamaged: 8,
  /** The thread that made the records died before it had published them. */
  producerEnded: 16,
} as const;

/** Columns of a LOSS record: first sequence lost (u32), how many, and the reason bits. */
export const lossColumn = { first: 0, count: 1, reason: 2 } as const;
export const lossRecordBytes = recordHeaderBytes + 3 * columnBytes;

/** The names of the reasons in `bits`, for labels and logs. */
export function lossReasonNames(bits: number): string[] {
  return Object.entries(lossReason)
    .filter(([, bit]) => (bits & bit) !== 0)
    .map(([name]) => name);
}

export function alignedBytes(length: number): number {
  return (length + 7) & ~7;
}
