// A stream as a Node Duplex, for callers that want one. Bytes count as taken when the reader has taken them
// out of the Duplex's own buffer. A chunk that was written must not be changed afterwards, also not after its
// callback: it may have to be sent again. Node destroys a Duplex that has ended both ways, and that is no
// reset: the stream still sends what waits for credit, and its FIN.
import { Duplex } from 'node:stream';
import type { Fault } from '../catalogue/fault.ts';
import { ResetReason } from './frame.ts';
import type { SessionStream, StreamEndpoint } from './stream.ts';

/**
 * Whoever has ended, read everything and gone waits so long for the peer's FIN: it follows what made them go.
 */
const lingerMs = 2_000;

export class StreamDuplex extends Duplex implements StreamEndpoint {
  readonly #whenOpen: (stream: StreamDuplex) => void;
  readonly #whenRefused: (fault: Fault) => void;
  #stream: SessionStream | undefined;
  #over = false;
  #peerEnded = false;
  #linger: NodeJS.Timeout | undefined;
  #unconsumedBytes = 0;
  #writable: (() => void) | undefined;

  constructor(whenOpen: (stream: StreamDuplex) => void, whenRefused: (fault: Fault) => void) {
    super({ allowHalfOpen: true, highWaterMark: 64 * 1024 });
    this.#whenOpen = whenOpen;
    this.#whenRefused = whenRefused;
  }

  opened(stream: SessionStream): void {
    this.#stream = stream;
    this.#whenOpen(this);
  }

  refused(fault: Fault): void {
    this.#over = true;
    this.#whenRefused(fault);
  }

  deliver(chunk: Uint8Array): void {
    if (this.destroyed) {
      this.#cancel(ResetReason.cancelled);
      return;
    }
    this.#unconsumedBytes += chunk.length;
    this.push(chunk);
    this.#settle();
  }

  deliverEnd(): void {
    this.#peerEnded = true;
    clearTimeout(this.#linger);
    this.push(null);
  }

  resumeWriting(): void {
    const writable = this.#writable;
    this.#writable = undefined;
    writable?.();
  }

  reset(fault: Fault): void {
    this.#over = true;
    clearTimeout(this.#linger);
    if (this.#stream) this.destroy(fault);
    else this.#whenRefused(fault);
  }

  finished(): void {
    this.#over = true;
  }

  override _read(): void {
    this.#settle();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, written: (error?: Error) => void): void {
    if (this.#stream?.write(chunk) ?? true) written();
    else this.#writable = written;
  }

  override _final(ended: (error?: Error) => void): void {
    this.#stream?.end();
    ended();
  }

  override _destroy(error: Error | null, destroyed: (error: Error | null) => void): void {
    if (error) this.#cancel(ResetReason.localError);
    else if (!this.writableFinished || this.readableLength > 0) this.#cancel(ResetReason.cancelled);
    else if (!this.#over && !this.#peerEnded)
      this.#linger = setTimeout(() => this.#cancel(ResetReason.cancelled), lingerMs).unref();
    destroyed(error);
  }

  #cancel(reason: ResetReason): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#linger);
    this.#stream?.reset(reason);
  }

  #settle(): void {
    const taken = this.#unconsumedBytes - this.readableLength;
    if (taken <= 0) return;
    this.#unconsumedBytes -= taken;
    this.#stream?.consumed(taken);
  }
}
