// What one node may take of the gateway, each with its unit; what is over it is refused and counted under the reason's name.

export interface TelemetryLimits {
  /** Bytes of batches, sustained, and how much of it at once. */
  readonly bytesPerSecond: number;
  readonly burstBytes: number;
  /** Series groups and columns (series) that are in force at a time. */
  readonly groups: number;
  readonly series: number;
  /** Epochs whose high-water marks are remembered; the one used least recently goes. */
  readonly epochs: number;
}

export const defaultTelemetryLimits: TelemetryLimits = {
  bytesPerSecond: 1024 * 1024,
  burstBytes: 16 * 1024 * 1024,
  groups: 2048,
  series: 20_000,
  epochs: 32,
};

/** Fills up with time, is emptied by use. */
export class TokenBucket {
  readonly #perSecond: number;
  readonly #burst: number;
  #level: number;
  #lastMs: number;

  constructor(perSecond: number, burst: number, nowMs: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#level = burst;
    this.#lastMs = nowMs;
  }

  /** 0 when the amount was there and is taken, else the milliseconds until it will be. */
  take(amount: number, nowMs: number): number {
    const filled = this.#level + ((nowMs - this.#lastMs) / 1000) * this.#perSecond;
    this.#level = Math.min(this.#burst, filled);
    this.#lastMs = nowMs;
    if (this.#level >= amount) {
      this.#level -= amount;
      return 0;
    }
    return Math.ceil(((amount - this.#level) / this.#perSecond) * 1000);
  }
}
