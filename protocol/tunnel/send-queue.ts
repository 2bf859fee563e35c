// What was read from a stream's local side and waits for its turn, in order. It is cut as turns and
// credit want it and never copied.
import { isWorthwhile, OwnedBuffer } from './memory.ts';

interface Chunk {
  /** What is left of it to send. */
  rest: Uint8Array;
  readonly owned: OwnedBuffer | undefined;
}

/** A DATA payload and the buffer of ours that it lies in, if any; `last`: with it that buffer ends. */
export interface Taken {
  readonly payload: Uint8Array;
  readonly owned: OwnedBuffer | undefined;
  readonly last: boolean;
}

export class SendQueue {
  #chunks: Chunk[] = [];
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** `owned`: the memory may be freed when the peer has it. */
  push(chunk: Uint8Array, owned: boolean): void {
    this.#chunks.push({
      rest: chunk,
      owned: owned && isWorthwhile(chunk) ? new OwnedBuffer(chunk) : undefined,
    });
    this.#bytes += chunk.length;
  }

  /** The next bytes, at most `limit` and never across a chunk's end. */
  take(limit: number): Taken | undefined {
    const chunk = this.#chunks[0];
    if (!chunk) return undefined;
    const { rest, owned } = chunk;
    const bytes = Math.min(rest.length, limit);
    this.#bytes -= bytes;
    if (bytes === rest.length) {
      this.#chunks.shift();
      return { payload: rest, owned, last: true };
    }
    chunk.rest = rest.subarray(bytes);
    return { payload: rest.subarray(0, bytes), owned, last: false };
  }

  clear(): void {
    this.#chunks = [];
    this.#bytes = 0;
  }
}
