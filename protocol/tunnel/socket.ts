// Joins a stream with a local socket. Both directions end by themselves (allowHalfOpen), credit goes back
// only when the socket has taken the bytes, and a stream that is reset resets the socket, so that nobody
// takes a broken transfer for a complete one.
import type { Socket } from 'node:net';
import type { Fault } from '../catalogue/fault.ts';
import type { FaultCode } from '../catalogue/index.ts';
import { ResetReason } from './frame.ts';
import { giveBack, lend } from './memory.ts';
import type { SessionStream, StreamEndpoint } from './stream.ts';

export interface SocketOutcome {
  readonly outcome: 'completed' | 'reset' | 'refused';
  /** Of a refusal. */
  readonly code?: FaultCode;
  readonly detail: string;
}

export function refusedFor({ code, message }: Fault): SocketOutcome {
  return { outcome: 'refused', code, detail: message };
}

export class SocketEndpoint implements StreamEndpoint {
  readonly borrows = true;
  readonly #socket: Socket;
  readonly #whenOver: (outcome: SocketOutcome, stream: SessionStream | undefined) => void;
  #stream: SessionStream | undefined;
  #over = false;
  #corked = false;

  constructor(socket: Socket, whenOver: (outcome: SocketOutcome, stream: SessionStream | undefined) => void) {
    this.#socket = socket;
    this.#whenOver = whenOver;
  }

  get isOpen(): boolean {
    return this.#stream !== undefined;
  }

  opened(stream: SessionStream): void {
    this.#stream = stream;
    const socket = this.#socket;
    socket.on('data', (chunk: Buffer) => {
      if (!stream.write(chunk, true)) socket.pause();
    });
    socket.on('end', () => stream.end());
    // An accepted socket may have been paused until now.
    socket.resume();
    socket.on('error', (error) => this.#fail(error.message));
    socket.on('close', () => {
      // Closed in order: what was read of it may still wait for credit, and the stream ends by itself.
      if (!socket.readableEnded || !socket.writableFinished) this.#fail('the local socket was closed');
    });
  }

  refused(fault: Fault): void {
    this.#end(refusedFor(fault));
  }

  /** What one turn delivers leaves in one write. */
  deliver(chunk: Uint8Array): void {
    if (!this.#corked) {
      this.#corked = true;
      this.#socket.cork();
      process.nextTick(() => {
        this.#corked = false;
        this.#socket.uncork();
      });
    }
    const block = lend(chunk);
    const bytes = chunk.length;
    this.#socket.write(chunk, (error) => {
      if (block) giveBack(block);
      if (!error) this.#stream?.consumed(bytes);
    });
  }

  deliverEnd(): void {
    this.#socket.end();
  }

  resumeWriting(): void {
    this.#socket.resume();
  }

  reset(fault: Fault): void {
    this.#end({ outcome: 'reset', detail: fault.message });
    if (this.isOpen) resetSocket(this.#socket);
  }

  finished(): void {
    this.#end({ outcome: 'completed', detail: '' });
  }

  #fail(detail: string): void {
    if (this.#over) return;
    this.#end({ outcome: 'reset', detail });
    this.#stream?.reset(ResetReason.localError);
  }

  #end(outcome: SocketOutcome): void {
    if (this.#over) return;
    this.#over = true;
    this.#whenOver(outcome, this.#stream);
  }
}

/** RST for TCP; a unix socket knows none and is just closed. */
export function resetSocket(socket: Socket): void {
  try {
    socket.resetAndDestroy();
  } catch {
    socket.destroy();
  }
}
