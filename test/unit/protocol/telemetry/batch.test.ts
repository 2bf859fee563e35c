// Bad input first: whatever arrives is a batch or a refusal, never an exception.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  batchFlag,
  batchHeaderBytes,
  batchLimitBytes,
  decodeBatch,
  encodeBatchHeader,
} from '../../../../protocol/telemetry/batch.ts';
import { descriptionRecord, encodeDescription } from '../../../../protocol/telemetry/description.ts';
import { recordClass, recordHeaderBytes } from '../../../../protocol/telemetry/record.ts';

interface RecordFields {
  sequence: number;
  length?: number;
  kind?: number;
  columns?: readonly number[];
}

function record({ sequence, columns = [1], kind = recordClass.metric, length }: RecordFields): Buffer {
  const bytes = Buffer.alloc(recordHeaderBytes + columns.length * 8);
  bytes.writeInt32LE(length ?? bytes.byteLength, 0);
  bytes.writeUInt32LE(sequence >>> 0, 4);
  bytes.writeUInt16LE(9, 8);
  bytes.writeUInt8(kind, 10);
  bytes.writeUInt32LE(77, 12);
  for (const [index, column] of columns.entries()) bytes.writeDoubleLE(column, recordHeaderBytes + index * 8);
  return bytes;
}

function batch(
  records: Buffer,
  fields: { firstSequence?: number; count?: number; flags?: number } = {},
): Buffer {
  const header = encodeBatchHeader(
    { epoch: 5, firstSequence: 0, count: 1, timeBaseMs: 1_700_000_000_000, flags: 0, ...fields },
    records,
  );
  return Buffer.concat([header, records]);
}

describe('a batch that is refused', () => {
  const good = batch(record({ sequence: 0 }));
  const flipped = (offset: number) => {
    const copy = Buffer.from(good);
    copy.writeUInt8(copy.readUInt8(offset) ^ 1, offset);
    return copy;
  };
  test.each([
    ['nothing', Buffer.alloc(0), 'too-short'],
    ['a header cut short', good.subarray(0, batchHeaderBytes - 1), 'too-short'],
    ['more than a frame holds', Buffer.alloc(batchLimitBytes + 1), 'too-large'],
    ['a record cut short', good.subarray(0, good.length - 8), 'length-mismatch'],
    ['a flipped bit in the header', flipped(9), 'checksum'],
    ['a flipped bit in a record', flipped(batchHeaderBytes + 17), 'checksum'],
    ['no records', batch(Buffer.alloc(0), { count: 0 }), 'record-count'],
    ['fewer records than it says', batch(record({ sequence: 0 }), { count: 2 }), 'record-count'],
    ['a length of 0', batch(record({ sequence: 0, length: 0 })), 'record-length'],
    ['a negative length (padding)', batch(record({ sequence: 0, length: -24 })), 'record-length'],
    ['a length beyond the end', batch(record({ sequence: 0, length: 4096 })), 'record-length'],
    ['a length that is no multiple of 8', batch(record({ sequence: 0, length: 20 })), 'record-length'],
    ['class 0', batch(record({ sequence: 0, kind: 0 })), 'record-class'],
    ['an unknown class', batch(record({ sequence: 0, kind: 99 })), 'record-class'],
    ['another first sequence', batch(record({ sequence: 3 })), 'record-sequence'],
    [
      'a sequence that falls',
      batch(Buffer.concat([record({ sequence: 0 }), record({ sequence: -1 })]), { count: 2 }),
      'record-sequence',
    ],
    [
      'a sequence twice',
      batch(Buffer.concat([record({ sequence: 0 }), record({ sequence: 0 })]), { count: 2 }),
      'record-sequence',
    ],
  ])('%s', (_, bytes, reason) => {
    expect(decodeBatch(bytes)).toEqual({ kind: 'refused', reason });
  });

  test('an epoch that no number can hold', () => {
    const bytes = Buffer.from(good);
    bytes.writeBigUInt64LE(2n ** 60n, 0);
    expect(decodeBatch(bytes)).toMatchObject({ kind: 'refused' });
  });

  test('any bytes at all: never an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat({ max: 40 }), (noise, at) => {
        expect(decodeBatch(noise).kind).toBe('refused');
        const spoiled = Buffer.from(good);
        spoiled.set(noise.subarray(0, spoiled.length - at), at);
        decodeBatch(spoiled);
      }),
    );
  });
});

describe('a batch that is taken', () => {
  test('holes in the sequence are allowed, and the wrap at 2³²', () => {
    const first = 2 ** 33 - 1;
    const records = Buffer.concat([record({ sequence: -1 }), record({ sequence: 4 })]);
    expect(decodeBatch(batch(records, { firstSequence: first, count: 2 }))).toMatchObject({
      kind: 'batch',
      epoch: 5,
      firstSequence: first,
      nextSequence: first + 6,
      timeBaseMs: 1_700_000_000_000,
    });
  });

  test('descriptions stand outside the sequence', () => {
    const payload = encodeDescription({ family: 'load', intervalMs: 1000, labels: {}, columns: [] });
    const records = Buffer.concat([descriptionRecord(1, payload), descriptionRecord(2, payload)]);
    const decoded = decodeBatch(batch(records, { count: 2, flags: batchFlag.description }));
    expect(decoded).toMatchObject({ kind: 'batch', count: 2 });
  });
});
