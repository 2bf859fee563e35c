// Two streams as one: what another replica opened towards this one, and the stream to the node whose
// tunnel is here. Bytes pass as they lie; credit goes back to the one when the other has taken them;
// ends and resets pass through.
import type { Fault } from '../../protocol/catalogue/fault.ts';
import { ResetReason } from '../../protocol/tunnel/frame.ts';
import { refusedFor, type SocketOutcome } from '../../protocol/tunnel/socket.ts';
import type { SessionStream, StreamEndpoint } from '../../protocol/tunnel/stream.ts';

/** `near` was offered and waits for its answer. `open` opens the far one; its function gives up waiting. */
export function splice(
  near: SessionStream,
  open: (endpoint: StreamEndpoint) => () => void,
  whenOver: (outcome: SocketOutcome) => void,
): void {
  const pair = new Pair(near, whenOver);
  near.attach(pair.nearEnd);
  pair.giveUp = open(pair.farEnd);
}

class Pair {
  readonly nearEnd: SplicedEnd;
  readonly farEnd: SplicedEnd;
  giveUp: () => void = () => {};
  readonly #whenOver: (outcome: SocketOutcome) => void;
  #over = false;
  #finished = 0;

  constructor(near: SessionStream, whenOver: (outcome: SocketOutcome) => void) {
    this.#whenOver = whenOver;
    this.nearEnd = new SplicedEnd(this, () => this.farEnd);
    this.farEnd = new SplicedEnd(this, () => this.nearEnd);
    this.nearEnd.stream = near;
  }

  accepted(): void {
    this.nearEnd.stream?.accept();
  }

  refused(fault: Fault): void {
    this.#end(refusedFor(fault));
    this.nearEnd.stream?.refuse(fault);
  }

  reset(other: SplicedEnd, fault: Fault): void {
    this.#end({ outcome: 'reset', detail: fault.message });
    if (other.stream) other.stream.reset(ResetReason.localError);
    else this.giveUp();
  }

  finished(): void {
    this.#finished += 1;
    if (this.#finished === 2) this.#end({ outcome: 'completed', detail: '' });
  }

  #end(outcome: SocketOutcome): void {
    if (this.#over) return;
    this.#over = true;
    this.#whenOver(outcome);
  }
}

class SplicedEnd implements StreamEndpoint {
  stream: SessionStream | undefined;
  readonly #pair: Pair;
  readonly #other: () => SplicedEnd;
  /** Handed to the other stream, which has no room: the credit waits. */
  #owedBytes = 0;

  constructor(pair: Pair, other: () => SplicedEnd) {
    this.#pair = pair;
    this.#other = other;
  }

  opened(stream: SessionStream): void {
    if (this.stream === stream) return;
    this.stream = stream;
    this.#pair.accepted();
  }

  refused(fault: Fault): void {
    this.#pair.refused(fault);
  }

  deliver(chunk: Uint8Array): void {
    if (this.#other().stream?.write(chunk) ?? true) this.stream?.consumed(chunk.length);
    else this.#owedBytes += chunk.length;
  }

  deliverEnd(): void {
    this.#other().stream?.end();
  }

  resumeWriting(): void {
    this.#other().takeCredit();
  }

  reset(fault: Fault): void {
    this.#pair.reset(this.#other(), fault);
  }

  finished(): void {
    this.#pair.finished();
  }

  takeCredit(): void {
    const bytes = this.#owedBytes;
    this.#owedBytes = 0;
    if (bytes > 0) this.stream?.consumed(bytes);
  }
}
