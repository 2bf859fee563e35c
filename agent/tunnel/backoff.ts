// How long to wait before the next attempt. A gateway that refuses or closes is given room (full jitter, doubling
// from 0.5 to 60 s), so that a data centre that reconnects at once is no attack. A way that gives no answer at
// all burdens nobody: it is tried again soon, so that the tunnel is back within 3 s of the way being free.

export const backoffLimits = { firstMs: 500, lastMs: 60_000, silentMs: 500, healthyMs: 30_000 } as const;

export class Backoff {
  readonly #random: () => number;
  #failures = 0;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** `silent`: nobody answered (time out, no route), as opposed to a refusal. */
  nextMs(silent: boolean): number {
    if (silent) return this.#random() * backoffLimits.silentMs;
    const ceiling = Math.min(backoffLimits.lastMs, backoffLimits.firstMs * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 16);
    return this.#random() * ceiling;
  }

  /** A connection has ended that was established for so long. */
  ended(establishedMs: number): void {
    if (establishedMs >= backoffLimits.healthyMs) this.#failures = 0;
  }
}
