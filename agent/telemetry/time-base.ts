// From the ring's Δms (u32, monotonic) to wall clock time, by what the wall clock says now: records that were
// made before a clock was set right carry the right time when they leave after it.

export interface WallAndMonotonic {
  nowMs(): number;
  monotonicMs(): number;
}

export class TimeBase {
  readonly #clock: WallAndMonotonic;
  readonly #startMs: number;

  /** `startMs` is the monotonic time at which Δms are 0. */
  constructor(clock: WallAndMonotonic, startMs: number) {
    this.#clock = clock;
    this.#startMs = startMs;
  }

  /** The wall clock's reading for Δms = 0 of a batch whose first record has this Δms. */
  of(deltaMs: number): number {
    const elapsed = Math.floor(this.#clock.monotonicMs() - this.#startMs);
    const age = (elapsed - deltaMs) >>> 0;
    return Math.max(0, Math.floor(this.#clock.nowMs()) - age - deltaMs);
  }
}
