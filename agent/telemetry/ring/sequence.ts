// Sequences are u32 in the ring and full numbers outside.

/** The full sequence of a u32 that lies at or after `from`. */
export function unwrapSequence(sequence: number, from: number): number {
  return from + ((sequence - from) >>> 0);
}
