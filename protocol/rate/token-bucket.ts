// The one token bucket of gateway and agent: so much at once, then so much a second. TokenBuckets has
// one for each address, node or token id. It remembers a bounded number of them: a full bucket is as
// good as none and goes first, then the one that was not asked for the longest. To be forgotten refills
// a bucket and never empties one, so whoever brings a million addresses takes nothing from anybody
// else. The clock is the caller's.

export interface BucketLimits {
  /** What may be taken at once. */
  readonly burst: number;
  readonly perSecond: number;
  /** How far `spend` may go below nothing; default: as far as `burst` goes above it. */
  readonly debt?: number;
}

/** Sums of small steps are not exact: what is missing by less than this part of the burst is there. */
const tolerance = 1e-9;

export class TokenBucket {
  readonly #limits: BucketLimits;
  #level: number;
  #atMs: number;

  constructor(limits: BucketLimits, nowMs: number) {
    this.#limits = limits;
    this.#level = limits.burst;
    this.#atMs = nowMs;
  }

  /** False, and nothing is taken, when there is not enough. */
  take(amount: number, nowMs: number): boolean {
    this.#fill(nowMs);
    if (this.#missing(amount) > 0) return false;
    this.#level -= amount;
    return true;
  }

  /** For what has happened already, and costs more the more of it there is. */
  spend(amount: number, nowMs: number): void {
    this.#fill(nowMs);
    const { debt = this.#limits.burst } = this.#limits;
    this.#level = Math.max(-debt, this.#level - amount);
  }

  /** It was taken, and need not have been. */
  giveBack(amount: number): void {
    this.#level = Math.min(this.#limits.burst, this.#level + amount);
  }

  /** Whole milliseconds until `amount`, or all that the bucket holds, can be taken; 0: now. */
  waitMs(amount: number, nowMs: number): number {
    this.#fill(nowMs);
    const missing = this.#missing(Math.min(amount, this.#limits.burst));
    return missing > 0 ? Math.ceil((missing / this.#limits.perSecond) * 1000) : 0;
  }

  isFull(nowMs: number): boolean {
    this.#fill(nowMs);
    return this.#missing(this.#limits.burst) <= 0;
  }

  #missing(amount: number): number {
    const missing = amount - this.#level;
    return missing > this.#limits.burst * tolerance ? missing : 0;
  }

  #fill(nowMs: number): void {
    // A clock that was set back fills nothing.
    const elapsedMs = Math.max(0, nowMs - this.#atMs);
    this.#level = Math.min(this.#limits.burst, this.#level + (elapsedMs / 1000) * this.#limits.perSecond);
    this.#atMs = nowMs;
  }
}

export class TokenBuckets {
  /** The one that was used last is the last. */
  readonly #buckets = new Map<string, TokenBucket>();
  readonly #limits: BucketLimits;
  readonly #remembered: number;

  constructor(limits: BucketLimits, remembered: number) {
    this.#limits = limits;
    this.#remembered = remembered;
  }

  get size(): number {
    return this.#buckets.size;
  }

  take(key: string, amount: number, nowMs: number): boolean {
    return this.#of(key, nowMs).take(amount, nowMs);
  }

  spend(key: string, amount: number, nowMs: number): void {
    this.#of(key, nowMs).spend(amount, nowMs);
  }

  giveBack(key: string, amount: number): void {
    this.#buckets.get(key)?.giveBack(amount);
  }

  /** Asking costs no memory. */
  waitMs(key: string, amount: number, nowMs: number): number {
    return this.#buckets.get(key)?.waitMs(amount, nowMs) ?? 0;
  }

  waitSeconds(key: string, amount: number, nowMs: number): number {
    return Math.ceil(this.waitMs(key, amount, nowMs) / 1000);
  }

  forget(key: string): void {
    this.#buckets.delete(key);
  }

  #of(key: string, nowMs: number): TokenBucket {
    const bucket = this.#buckets.get(key) ?? new TokenBucket(this.#limits, nowMs);
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    this.#forgetOne(key, nowMs);
    return bucket;
  }

  /** At most one is new each time, so one that goes is enough. */
  #forgetOne(used: string, nowMs: number): void {
    const oldest = this.#buckets.entries().next().value;
    if (oldest === undefined || oldest[0] === used) return;
    if (this.#buckets.size > this.#remembered || oldest[1].isFull(nowMs)) this.#buckets.delete(oldest[0]);
  }
}
