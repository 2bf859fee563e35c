// How long to wait before the next attempt. A gateway that refuses or closes is given room (full jitter,
// doubling from 0.5 to 60 s), so that a data centre that reconnects at once is no attack. A connection that
// broke off is tried again within the present ceiling. A way that gives no answer at all burdens nobody and
// is tried again soon, so that the tunnel is back within 3 s of the way being free.

export type Ending =
  /** The gateway said no: it refused the connection or the request, or closed the session. */
  | 'refused'
  /** An established connection broke. */
  | 'broken'
  /** No packet came back: time out, no route. */
  | 'silent';

export const backoffLimits = { firstMs: 500, lastMs: 60_000, silentMs: 500, healthyMs: 30_000 } as const;

export class Backoff {
  readonly #random: () => number;
  #failures = 0;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  nextMs(ending: Ending): number {
    if (ending === 'silent') return this.#random() * backoffLimits.silentMs;
    const ceiling = Math.min(backoffLimits.lastMs, backoffLimits.firstMs * 2 ** this.#failures);
    if (ending === 'refused') this.#failures = Math.min(this.#failures + 1, 16);
    return this.#random() * ceiling;
  }

  /** A connection has ended that was established for so long. */
  ended(establishedMs: number): void {
    if (establishedMs >= backoffLimits.healthyMs) this.#failures = 0;
  }
}
