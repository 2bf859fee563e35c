// The frames that the peer has not acknowledged, in the order of their sequence numbers (1, 2, 3, …
// counted by both ends, never on the wire). After a reconnect the peer says how many it has; the
// cursor goes back there and the rest is sent again, byte for byte. What was acknowledged is
// forgotten, and its memory freed when no write of it is under way any more either: a peer may lie
// about what it has. The caller bounds `bytes`.
import type { OwnedBuffer } from './memory.ts';
import { invalid } from './violation.ts';

export interface SequencedFrame {
  readonly type: number;
  readonly stream: number;
  readonly aux: number;
  readonly payload: Uint8Array;
  /** What the payload lies in, when that is the session's alone; `last`: no later frame lies in it. */
  readonly owned?: OwnedBuffer | undefined;
  readonly last?: boolean;
}

/** What a frame costs while it is kept, besides its payload. */
export const keptFrameOverheadBytes = 64;

export class ReplayLog {
  #frames: (SequencedFrame | undefined)[] = [];
  /** Index in #frames of the first frame that is kept. */
  #head = 0;
  #acknowledged = 0;
  #sent = 0;
  #bytes = 0;

  /** Sequence number of the last frame that the peer is known to have. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Sequence number of the last frame made. */
  get last(): number {
    return this.#acknowledged + this.#frames.length - this.#head;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get hasReplay(): boolean {
    return this.#sent < this.last;
  }

  /** Begins the numbering elsewhere than at 1: for tests of numbers beyond 32 bits. */
  startAt(sequence: number): void {
    this.#acknowledged = sequence;
    this.#sent = sequence;
  }

  /** Adds a frame that is being sent right now. */
  append(frame: SequencedFrame): void {
    if (this.hasReplay) throw new Error('a new frame may not overtake the replay');
    this.#frames.push(frame);
    this.#bytes += frame.payload.length + keptFrameOverheadBytes;
    this.#sent += 1;
  }

  /** The next frame to send again. */
  replay(): SequencedFrame | undefined {
    if (!this.hasReplay) return undefined;
    const frame = this.#frames[this.#head + this.#sent - this.#acknowledged];
    this.#sent += 1;
    return frame;
  }

  /** `low` are the lower 32 bits of the sequence number that the peer has reached. */
  acknowledge(low: number): void {
    this.#forget(this.#acknowledged + ((low - this.#acknowledged) >>> 0), this.#sent);
  }

  /** After a reconnect: the peer has everything up to `received`; send what follows. */
  rewind(received: number): void {
    this.#forget(received, this.last);
    this.#sent = this.#acknowledged;
  }

  /** All frames that are kept, oldest first. */
  kept(): SequencedFrame[] {
    return this.#frames.slice(this.#head) as SequencedFrame[];
  }

  #forget(upTo: number, limit: number): void {
    if (upTo < this.#acknowledged || upTo > limit) {
      throw invalid(
        'acknowledgement',
        `acknowledgement of ${upTo}, outstanding are ${this.#acknowledged + 1} to ${limit}`,
      );
    }
    for (; this.#acknowledged < upTo; this.#acknowledged += 1) {
      const frame = this.#frames[this.#head];
      this.#frames[this.#head++] = undefined;
      if (!frame) continue;
      this.#bytes -= frame.payload.length + keptFrameOverheadBytes;
      if (frame.last) frame.owned?.acknowledge();
    }
    if (this.#head > 64 && this.#head * 2 > this.#frames.length) {
      this.#frames = this.#frames.slice(this.#head);
      this.#head = 0;
    }
  }
}
