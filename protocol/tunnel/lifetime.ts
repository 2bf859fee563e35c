// Where a session is in its life (session-states.ts), who is told, and the clock of the resume window: it
// runs while the session waits for its next connection.
import { tellEach } from '../defect.ts';
import type { SessionState } from '../messages/session.ts';
import type { TunnelClock, TunnelTimer } from './clock.ts';
import { nextSessionState, type SessionEvent } from './session-states.ts';

export class Lifetime {
  readonly #clock: TunnelClock;
  readonly #windowMs: number;
  readonly #expired: () => void;
  #state: SessionState = 'Connecting';
  #window: TunnelTimer | undefined;
  readonly #listeners: ((state: SessionState) => void)[] = [];

  constructor(clock: TunnelClock, windowMs: number, expired: () => void) {
    this.#clock = clock;
    this.#windowMs = windowMs;
    this.#expired = expired;
  }

  get state(): SessionState {
    return this.#state;
  }

  onChange(listener: (state: SessionState) => void): void {
    this.#listeners.push(listener);
  }

  move(event: SessionEvent): void {
    const next = nextSessionState(this.#state, event);
    if (next === this.#state) return;
    this.#state = next;
    tellEach('tunnel state', this.#listeners, next);
  }

  /** From now on the next connection has to come within the window. */
  await(): void {
    this.#window?.cancel();
    this.#window = this.#clock.after(this.#windowMs, this.#expired);
  }

  stopWaiting(): void {
    this.#window?.cancel();
    this.#window = undefined;
  }
}
