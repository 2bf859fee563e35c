// Packed batches: whatever was packed comes back to the bit, however many batches went before
// on the connection, and nothing that a peer can send costs more than a batch or throws
// anything but an UnpackingError.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { batchHeaderBytes, encodeBatchHeader } from '../../../protocol/telemetry/batch.ts';
import { BatchPacker } from '../../../protocol/telemetry/packing.ts';
import { packedBatchLimitBytes } from '../../../protocol/telemetry/packing-context.ts';
import { recordClass, recordHeaderBytes } from '../../../protocol/telemetry/record.ts';
import { BatchUnpacker, UnpackingError } from '../../../protocol/telemetry/unpacking.ts';

/**
 * As counters, sizes and times are, and as they are not: NaN with a message, -0,
 * denormal numbers, any 64 bits.
 */
const bits = fc.oneof(
  { weight: 6, arbitrary: fc.nat({ max: 5000 }).map((pages) => ofFloat(pages * 4096)) },
  { weight: 6, arbitrary: fc.nat().map((ticks) => ofFloat(ticks / 100)) },
  { weight: 4, arbitrary: fc.maxSafeInteger().map(ofFloat) },
  { weight: 4, arbitrary: fc.double().map(ofFloat) },
  { weight: 2, arbitrary: fc.constantFrom(0, -0, Number.NaN, Number.POSITIVE_INFINITY).map(ofFloat) },
  { weight: 2, arbitrary: fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }) },
);
/** Few schemas, so that what is remembered matters; their width changes now and then. */
const record = fc.record({
  schema: fc.nat({ max: 6 }),
  columns: fc.oneof(
    { weight: 8, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.nat({ max: 12 }) },
  ),
  step: fc.oneof(
    { weight: 8, arbitrary: fc.constant(1) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 99 }) },
  ),
  deltaMs: fc.oneof(fc.constant(7), fc.integer({ min: 0, max: 0xffff_ffff })),
  kind: fc.oneof(
    { weight: 9, arbitrary: fc.constant(recordClass.metric) },
    { weight: 1, arbitrary: fc.constantFrom(recordClass.schema, recordClass.loss) },
  ),
  values: fc.array(bits, { minLength: 12, maxLength: 12 }),
});
const batch = fc.record({
  epoch: fc.oneof(
    { weight: 5, arbitrary: fc.constant(2 ** 52 + 17) },
    { weight: 1, arbitrary: fc.maxSafeNat() },
  ),
  firstSequence: fc.oneof(fc.nat(), fc.integer({ min: 2 ** 32 - 9, max: 2 ** 32 + 9 })),
  timeBaseMs: fc.integer({ min: 0, max: 2 ** 45 }),
  flags: fc.integer({ min: 0, max: 7 }),
  records: fc.array(record, { minLength: 1, maxLength: 40 }),
});
type BatchInput = typeof batch extends fc.Arbitrary<infer T> ? T : never;

function ofFloat(value: number): bigint {
  return new BigUint64Array(new Float64Array([value]).buffer)[0] ?? 0n;
}

function encode({ records, ...fields }: BatchInput): { header: Uint8Array; body: Uint8Array; all: Buffer } {
  let sequence = fields.firstSequence - 1;
  const body = Buffer.concat(
    records.map(({ schema, columns = schema + 1, step, deltaMs, kind, values }, index) => {
      sequence += index === 0 ? 1 : step;
      const bytes = Buffer.alloc(recordHeaderBytes + columns * 8);
      bytes.writeInt32LE(bytes.length, 0);
      bytes.writeUInt32LE(sequence >>> 0, 4);
      bytes.writeUInt16LE(schema, 8);
      bytes.writeUInt8(kind, 10);
      bytes.writeUInt32LE(deltaMs, 12);
      for (let column = 0; column < columns; column += 1) {
        bytes.writeBigUInt64LE(values[column] ?? 0n, recordHeaderBytes + column * 8);
      }
      return bytes;
    }),
  );
  const header = encodeBatchHeader({ ...fields, count: records.length }, body);
  return { header, body, all: Buffer.concat([header, body]) };
}

test('any row of batches comes back to the bit', () => {
  fc.assert(
    fc.property(fc.array(batch, { minLength: 1, maxLength: 8 }), (batches) => {
      const packer = new BatchPacker();
      const unpacker = new BatchUnpacker();
      for (const { header, body, all } of batches.map(encode)) {
        const packed = packer.pack(header, body);
        expect(packed).toBeDefined();
        if (packed === undefined) return;
        expect(Buffer.from(unpacker.unpack(packed)).equals(all)).toBe(true);
        expect(packed.length).toBeLessThan(all.length * 1.15 + 64);
      }
    }),
    { numRuns: 400 },
  );
});

test('the same round again costs a few bytes', () => {
  fc.assert(
    fc.property(batch, (input) => {
      const packer = new BatchPacker();
      const { header, body } = encode({
        ...input,
        records: input.records.map((each, schema) => ({
          ...each,
          schema,
          columns: 3,
          kind: 1,
          step: 1,
          deltaMs: 7,
        })),
      });
      packer.pack(header, body);
      packer.pack(header, body);
      expect(packer.pack(header, body)?.length).toBeLessThan(40 + (input.records.length * 3) / 8);
    }),
  );
});

test('a batch whose header says something else is left alone, and changes nothing', () => {
  fc.assert(
    fc.property(batch, batch, fc.nat(), (one, other, at) => {
      const packer = new BatchPacker();
      const unpacker = new BatchUnpacker();
      const broken = encode(one);
      broken.header[16] = (broken.header[16] ?? 0) ^ 0x40;
      expect(packer.pack(broken.header, broken.body)).toBeUndefined();
      expect(packer.pack(broken.header, broken.body.subarray(0, at % broken.body.length))).toBeUndefined();
      const { header, body, all } = encode(other);
      expect(Buffer.from(unpacker.unpack(packer.pack(header, body) ?? new Uint8Array(0))).equals(all)).toBe(
        true,
      );
    }),
  );
});

const change = fc.record({ at: fc.nat(), byte: fc.nat({ max: 255 }), cut: fc.nat({ max: 10 }) });

test('bytes that were turned over, or are no packed batch at all, cost no more than a batch', () => {
  fc.assert(
    fc.property(
      fc.array(batch, { minLength: 1, maxLength: 3 }),
      fc.array(fc.array(change, { minLength: 1, maxLength: 4 }), { maxLength: 4 }),
      fc.uint8Array({ maxLength: 200 }),
      (batches, changes, noise) => {
        const packer = new BatchPacker();
        const unpacker = new BatchUnpacker();
        const good = batches
          .map(encode)
          .map(({ header, body }) => packer.pack(header, body) ?? new Uint8Array(0));
        const bad = changes.map((all) => {
          const bytes = Uint8Array.from(good.at(-1) ?? []);
          for (const { at, byte } of all) bytes[at % bytes.length] = byte;
          return bytes.subarray(0, Math.max(0, bytes.length - (all[0]?.cut ?? 0)));
        });
        for (const packed of [...good, ...bad, noise]) {
          try {
            expect(unpacker.unpack(packed).length).toBeLessThanOrEqual(packedBatchLimitBytes);
          } catch (error) {
            expect(error).toBeInstanceOf(UnpackingError);
          }
        }
      },
    ),
    { numRuns: 400 },
  );
});

test('a few bytes that promise more than a batch are refused before anything is made of them', () => {
  const packer = new BatchPacker();
  const unpacker = new BatchUnpacker();
  const columns = 200;
  const body = Buffer.alloc(recordHeaderBytes + columns * 8);
  body.writeInt32LE(body.length, 0);
  body.writeUInt16LE(9, 8);
  body.writeUInt8(recordClass.metric, 10);
  const header = encodeBatchHeader({ epoch: 0, firstSequence: 0, count: 1, timeBaseMs: 0, flags: 0 }, body);
  unpacker.unpack(packer.pack(header, body) ?? new Uint8Array(0));
  unpacker.unpack(packer.pack(header, body) ?? new Uint8Array(0));
  const records = Math.ceil(packedBatchLimitBytes / body.length);
  const bomb = Uint8Array.from([0, 0, records, 1, 0, 0, 0, 0, 0, 0, records * 2, ...new Uint8Array(900)]);
  expect(records).toBeLessThan(64);
  expect(() => unpacker.unpack(bomb)).toThrow('it holds more than it may');
  expect(body.length + batchHeaderBytes).toBeLessThan(packedBatchLimitBytes);
});
