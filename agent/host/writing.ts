// What goes into a file that is open already: streams in pieces, and lines that are on the
// disk before anybody goes on.
import type { FileHandle } from 'node:fs/promises';
import type { DurableAppender } from './host.ts';

const pieceBytes = 256 * 1024;
/** Of a slow source less is written at a time: a kill -9 loses no more than came since. */
const pieceMs = 1000;

/** From `offset` on, in the place of what was there; returns the size of the file then. */
export async function writePieces(
  handle: FileHandle,
  source: AsyncIterable<Uint8Array>,
  offset: number,
): Promise<number> {
  await handle.truncate(offset);
  let position = offset;
  for await (const piece of inPieces(source)) {
    let written = 0;
    while (written < piece.length) {
      written += (await handle.write(piece, written, piece.length - written, position + written))
        .bytesWritten;
    }
    position += piece.length;
  }
  return position;
}

/**
 * TLS brings 16 KiB at a time, and each write costs as much as four times that. What came
 * before an error is written too.
 */
async function* inPieces(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let sinceMs = performance.now();
  const take = () => {
    const piece = held.length === 1 && held[0] ? held[0] : Buffer.concat(held, heldBytes);
    held = [];
    heldBytes = 0;
    sinceMs = performance.now();
    return piece;
  };
  try {
    for await (const chunk of source) {
      held.push(chunk);
      heldBytes += chunk.length;
      if (heldBytes >= pieceBytes || performance.now() - sinceMs > pieceMs) yield take();
    }
  } catch (error) {
    if (heldBytes > 0) yield take();
    throw error;
  }
  if (heldBytes > 0) yield take();
}

export function appender(handle: FileHandle): DurableAppender {
  let broken: unknown;
  return {
    async append(bytes) {
      if (broken !== undefined) throw broken;
      const { size } = await handle.stat();
      try {
        await handle.writeFile(bytes);
        await handle.datasync();
      } catch (error) {
        // Half a line, on a disk that is full, would stand before the next one.
        await handle.truncate(size).catch(() => {
          broken = error;
        });
        throw error;
      }
    },
    close: () => handle.close(),
  };
}
