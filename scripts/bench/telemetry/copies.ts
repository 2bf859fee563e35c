// Counts the bytes that JavaScript copies while something runs, by standing in for every function that copies
// bytes. What the websocket masks (one copy, natively) and what the kernel copies is not JavaScript's.

export async function countCopies(work: () => Promise<unknown>): Promise<number> {
  let copied = 0;
  const typed = Object.getPrototypeOf(Uint8Array.prototype) as Uint8Array;
  const { set, slice } = typed;
  const { copy } = Buffer.prototype;
  const { concat } = Buffer;
  typed.set = function (this: Uint8Array, source: ArrayLike<number>, offset?: number) {
    copied += source.length;
    set.call(this, source, offset);
  };
  typed.slice = function (this: Uint8Array, start?: number, end?: number) {
    const part = slice.call(this, start, end);
    copied += part.byteLength;
    return part;
  } as typeof slice;
  Buffer.prototype.copy = function (this: Buffer, ...rest: Parameters<typeof copy>) {
    const count = copy.apply(this, rest);
    copied += count;
    return count;
  };
  Buffer.concat = (list, length) => {
    copied += list.reduce((sum, piece) => sum + piece.byteLength, 0);
    return concat.call(Buffer, list, length);
  };
  try {
    await work();
  } finally {
    typed.set = set;
    typed.slice = slice;
    Buffer.prototype.copy = copy;
    Buffer.concat = concat;
  }
  return copied;
}
