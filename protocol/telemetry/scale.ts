// How a value becomes a small integer: bytes in whole pages or kibibytes, counts as they are, seconds in
// hundredths or microseconds. Only what comes back as exactly the same f64 is ever taken for
// representable, so packing loses nothing.

/**
 * value = integer × multiple ÷ divisor; from the coarsest to the finest. Part of the
 * wire format: only ever append.
 */
const scales = [
  { multiple: 4096, divisor: 1 },
  { multiple: 1024, divisor: 1 },
  { multiple: 1, divisor: 1 },
  ...Array.from({ length: 9 }, (_, index) => ({ multiple: 1, divisor: 10 ** (index + 1) })),
] as const;

/** No scale, and how many there are: such a value travels as its eight bytes. */
export const unscaled = scales.length;

/** Differences of two such integers, doubled twice, are still exact. */
const integerLimit = 2 ** 50;

/** The integer that stands for `value` at this scale; NaN when there is none. */
export function toInteger(value: number, scale: number): number {
  const found = scales[scale];
  if (found === undefined) return Number.NaN;
  const integer = Math.round((value / found.multiple) * found.divisor);
  if (!(Math.abs(integer) <= integerLimit)) return Number.NaN;
  return Object.is(fromInteger(integer, scale), value) ? integer : Number.NaN;
}

export function fromInteger(integer: number, scale: number): number {
  const { multiple, divisor } = scales[scale] ?? { multiple: Number.NaN, divisor: 1 };
  // Without -0: it is not the bits of 0.
  return integer === 0 ? 0 : (integer * multiple) / divisor;
}

/** The first scale from `coarsest` on that holds the value, or `unscaled`. */
export function scaleOf(value: number, coarsest = 0): number {
  let scale = coarsest;
  while (scale < unscaled && Number.isNaN(toInteger(value, scale))) scale += 1;
  return scale;
}
