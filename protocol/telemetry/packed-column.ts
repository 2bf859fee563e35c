// One changed column in packed form: a number that says how it is written, and the rest. The remembered value
// and its scale are brought up to date by writing and by reading alike.
//
//   2 × folded difference   of the integers at the scale in force
//   1 + 4 × scale           this scale from now on; the folded integer follows
//   3                       no scale; the eight bytes follow
import type { Remembered } from './packing-context.ts';
import { fromInteger, scaleOf, toInteger, unscaled } from './scale.ts';
import { type ByteReader, type ByteWriter, fold, unfold } from './varint.ts';

const rawMark = 3;
const float = new Float64Array(1);
const words = new Int32Array(float.buffer);
const raw = new Uint8Array(float.buffer);

export function writeColumn(
  target: ByteWriter,
  known: Remembered,
  column: number,
  low: number,
  high: number,
): void {
  const scale = known.scales[column] ?? unscaled;
  const before = integerBefore(known, column, scale);
  words[0] = low;
  words[1] = high;
  known.words[2 * column] = low;
  known.words[2 * column + 1] = high;
  const value = float[0] ?? 0;
  const now = toInteger(value, scale);
  if (!Number.isNaN(before) && !Number.isNaN(now)) {
    target.unsigned(2 * fold(now - before));
    return;
  }
  const finer = scaleOf(value, scale === unscaled ? 0 : scale);
  known.scales[column] = finer;
  if (finer === unscaled) {
    target.unsigned(rawMark);
    target.bytes(raw);
  } else {
    target.unsigned(1 + 4 * finer);
    target.signed(toInteger(value, finer));
  }
}

/** Throws a RangeError for what no writer writes. */
export function readColumn(source: ByteReader, known: Remembered, column: number): void {
  const mark = source.unsigned();
  if (mark % 2 === 0) readDifference(known, column, unfold(mark / 2));
  else if (mark === rawMark) {
    raw.set(source.bytes(raw.length));
    known.scales[column] = unscaled;
  } else {
    const scale = (mark - 1) / 4;
    if (!Number.isInteger(scale) || scale >= unscaled) throw new RangeError('there is no such scale');
    float[0] = fromInteger(source.signed(), scale);
    known.scales[column] = scale;
  }
  known.words[2 * column] = words[0] ?? 0;
  known.words[2 * column + 1] = words[1] ?? 0;
}

function readDifference(known: Remembered, column: number, difference: number): void {
  const scale = known.scales[column] ?? unscaled;
  const before = integerBefore(known, column, scale);
  if (Number.isNaN(before)) throw new RangeError('a difference to nothing');
  float[0] = fromInteger(before + difference, scale);
}

function integerBefore(known: Remembered, column: number, scale: number): number {
  if (scale === unscaled) return Number.NaN;
  words[0] = known.words[2 * column] ?? 0;
  words[1] = known.words[2 * column + 1] ?? 0;
  return toInteger(float[0] ?? 0, scale);
}
