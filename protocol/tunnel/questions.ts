// Whether the peer of a connection is there now: PINGs of whose answer somebody wants to know. An answer to a
// later PING answers the earlier ones, since a peer that is behind answers the last only. Bytes that go on
// coming are an answer too, when the real one waits behind many of them.
import { contained } from '../defect.ts';
import type { TunnelClock } from './clock.ts';

export type Answered = (isThere: boolean) => void;

/** A process that was busy reads what lies there before it says that nothing came. */
const graceMs = 100;

export class Questions {
  readonly #clock: TunnelClock;
  readonly #heardMs: () => number;
  readonly #open = new Map<Answered, number>();

  constructor(clock: TunnelClock, heardMs: () => number) {
    this.#clock = clock;
    this.#heardMs = heardMs;
  }

  /** Of the PING with this number, which was sent just now; `tell` hears once. */
  ask(nonce: number, withinMs: number, tell: Answered): void {
    const lateMs = this.#clock.nowMs() + withinMs / 2;
    let timer = this.#clock.after(withinMs, () => {
      timer = this.#clock.after(graceMs, () => answered(this.#heardMs() > lateMs));
    });
    const answered: Answered = (isThere) => {
      timer.cancel();
      if (this.#open.delete(answered)) contained('tunnel question', () => tell(isThere));
    };
    this.#open.set(answered, nonce);
  }

  pong(nonce: number): void {
    for (const [answered, asked] of [...this.#open]) if (((nonce - asked) | 0) >= 0) answered(true);
  }

  /** The connection has ended. */
  end(): void {
    for (const answered of [...this.#open.keys()]) answered(false);
  }
}
