// The limits of the public port, each with its unit in its name, and those that need memory: connections per
// address, and what is counted per address or node within a time (a token bucket, so guessing tokens is slow and costs us little).
export const limits = {
  bodyBytes: 64 * 1024,
  headerBytes: 16 * 1024,
  headersTimeoutMs: 10_000,
  /** For receiving a whole request; answers (a drain, an artifact) may take longer. */
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 15_000,
  handshakeTimeoutMs: 10_000,
  connections: 20_000,
  connectionsPerAddress: 256,
  /** This many refusals at once, then one more for each interval. */
  refusalsBurst: 20,
  refusalIntervalMs: 3_000,
  rememberedAddresses: 10_000,
  /** Of one node, counted like refusals. */
  renewalsBurst: 10,
  renewalIntervalMs: 10_000,
  /** The same refusal of the same address is audited once in this time; the counters count all. */
  repeatedAuditMs: 60_000,
  /** A peer that takes no byte of an answer for this long is cut off. */
  stalledAnswerMs: 60_000,
} as const;

export class ConnectionCounter {
  readonly #perAddress = new Map<string, number>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** False: too many from there; nothing is counted then. */
  take(address: string): boolean {
    const count = this.#perAddress.get(address) ?? 0;
    if (count >= this.#limit) return false;
    this.#perAddress.set(address, count + 1);
    return true;
  }

  release(address: string): void {
    const count = (this.#perAddress.get(address) ?? 1) - 1;
    if (count > 0) this.#perAddress.set(address, count);
    else this.#perAddress.delete(address);
  }
}

/** Says whether something happens for the first time in a while, and how often it did unsaid. */
export class RepeatFilter {
  readonly #seen = new Map<string, { readonly atMs: number; unsaid: number }>();
  readonly #options: { intervalMs: number; remembered: number };

  constructor(options: { intervalMs: number; remembered: number }) {
    this.#options = options;
  }

  isNew(key: string, now: number): boolean {
    return this.news(key, now) !== undefined;
  }

  /** undefined: a repetition. */
  news(key: string, now: number): { readonly unsaid: number } | undefined {
    const last = this.#seen.get(key);
    if (last !== undefined && now - last.atMs < this.#options.intervalMs) {
      last.unsaid += 1;
      return undefined;
    }
    this.#seen.delete(key);
    this.#seen.set(key, { atMs: now, unsaid: 0 });
    if (this.#seen.size > this.#options.remembered) this.#seen.delete(this.#seen.keys().next().value ?? '');
    return { unsaid: last?.unsaid ?? 0 };
  }
}

export class RateLimiter {
  /** Address or node → how much it has used, as of when. */
  readonly #used = new Map<string, { count: number; atMs: number }>();
  readonly #options: { burst: number; intervalMs: number; remembered: number };

  constructor(options: { burst: number; intervalMs: number; remembered: number }) {
    this.#options = options;
  }

  /** Seconds to wait before this one may ask again, or 0. */
  waitSeconds(who: string, now: number): number {
    const excess = this.#current(who, now) - (this.#options.burst - 1);
    return excess <= 0 ? 0 : Math.ceil((excess * this.#options.intervalMs) / 1000);
  }

  count(who: string, now: number): void {
    const count = this.#current(who, now) + 1;
    this.#used.delete(who);
    this.#used.set(who, { count, atMs: now });
    if (this.#used.size > this.#options.remembered) this.#used.delete(this.#used.keys().next().value ?? '');
  }

  #current(who: string, now: number): number {
    const used = this.#used.get(who);
    if (!used) return 0;
    return Math.max(0, used.count - Math.max(0, now - used.atMs) / this.#options.intervalMs);
  }
}
