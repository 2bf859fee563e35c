// Gathers frames into websocket messages. Small payloads are copied into a shared slab, so that many small
// frames are one message and one piece; a large payload is a piece of its own behind its header and is never
// copied here. A run in the slab is always flushed before control goes back to the event loop, which is why
// all connections of a process can share one slab.
import { type FrameType, writeHeader } from './frame.ts';
import { frameHeaderBytes, messageLimitBytes } from './limits.ts';
import type { Transport } from './transport.ts';

const slabBytes = 64 * 1024;
const copiedPayloadBytes = 1024;
const runLimitBytes = 16 * 1024;

const shared = { slab: new Uint8Array(0), used: 0 };

export class MessageWriter {
  readonly #transport: Transport;
  #start = 0;
  #run = 0;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  get bufferedBytes(): number {
    return this.#transport.bufferedBytes + this.#run;
  }

  /** `sent`: the payload is looked at no more. */
  frame(type: FrameType, stream: number, aux: number, payload: Uint8Array, sent?: () => void): void {
    if (payload.length > copiedPayloadBytes) {
      this.large(type, stream, aux, [payload], payload.length, sent);
      return;
    }
    const offset = this.#reserve(frameHeaderBytes + payload.length);
    writeHeader(shared.slab, offset, payload.length, type, stream, aux);
    if (payload.length > 0) shared.slab.set(payload, offset + frameHeaderBytes);
    if (this.#run > runLimitBytes) this.flush();
    sent?.();
  }

  /** One frame whose payload is sent as it lies, piece by piece; ends the message. */
  large(
    type: FrameType,
    stream: number,
    aux: number,
    pieces: readonly Uint8Array[],
    payloadBytes: number,
    sent?: (error?: Error) => void,
  ): void {
    if (this.#run + frameHeaderBytes + payloadBytes > messageLimitBytes) this.flush();
    const offset = this.#reserve(frameHeaderBytes);
    writeHeader(shared.slab, offset, payloadBytes, type, stream, aux);
    this.#transport.send([this.#takeRun(), ...pieces], sent);
  }

  /**
   * A frame that is copied, whatever its size up to a few KiB, and ends the
   * message; `sent` as for a large one.
   */
  last(type: FrameType, payload: Uint8Array, sent: (error?: Error) => void): void {
    if (payload.length > runLimitBytes) {
      this.large(type, 0, 0, [payload], payload.length, sent);
      return;
    }
    const offset = this.#reserve(frameHeaderBytes + payload.length);
    writeHeader(shared.slab, offset, payload.length, type, 0, 0);
    shared.slab.set(payload, offset + frameHeaderBytes);
    this.#transport.send([this.#takeRun()], sent);
  }

  /** Sends the run as a message. */
  flush(): void {
    if (this.#run > 0) this.#transport.send([this.#takeRun()]);
  }

  #reserve(bytes: number): number {
    if (shared.used + bytes > shared.slab.length) {
      this.flush();
      shared.slab = new Uint8Array(Buffer.allocUnsafeSlow(slabBytes).buffer);
      shared.used = 0;
    }
    if (this.#run === 0) this.#start = shared.used;
    const offset = shared.used;
    shared.used += bytes;
    this.#run += bytes;
    return offset;
  }

  #takeRun(): Uint8Array {
    const run = shared.slab.subarray(this.#start, this.#start + this.#run);
    this.#run = 0;
    return run;
  }
}
