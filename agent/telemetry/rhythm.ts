// Calls something at whole multiples of an interval after its start, the first time at once. A beat that was
// missed (a host that was suspended, a round that took too long) is left out, never made up for.

export class Rhythm {
  readonly #clock: { monotonicMs(): number };
  readonly #after: (callback: () => void, milliseconds: number) => NodeJS.Timeout;
  readonly #beat: () => void;
  #timer: NodeJS.Timeout | undefined;
  #startedMs = 0;
  intervalMs = 0;

  constructor(
    clock: { monotonicMs(): number },
    after: (callback: () => void, milliseconds: number) => NodeJS.Timeout,
    beat: () => void,
  ) {
    this.#clock = clock;
    this.#after = after;
    this.#beat = beat;
  }

  /** Begins anew when it is already going. */
  start(intervalMs: number): void {
    this.stop();
    this.intervalMs = intervalMs;
    this.#startedMs = this.#clock.monotonicMs();
    this.#beat();
    this.#next();
  }

  stop(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #next(): void {
    const elapsed = this.#clock.monotonicMs() - this.#startedMs;
    const dueMs = (Math.floor(elapsed / this.intervalMs) + 1) * this.intervalMs - elapsed;
    this.#timer = this.#after(() => {
      this.#beat();
      this.#next();
    }, Math.ceil(dueMs));
  }
}
