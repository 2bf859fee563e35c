// What is told once in a while though it happens all the time: log lines, records of the audit. Everything is
// counted elsewhere; this says whether it is news, and how often it was left unsaid since. A bounded number
// of things is remembered; what was forgotten is news again. Where anybody can make up what is new, `total`
// says how much of it is told in all.
import { type BucketLimits, TokenBucket } from './token-bucket.ts';

export interface RepeatLimits {
  readonly intervalMs: number;
  readonly remembered: number;
  readonly total?: BucketLimits;
}

export interface News {
  /** How often this was left unsaid since it was told. */
  readonly unsaid: number;
  /** How much else was, because there was too much of it. */
  readonly others?: number;
}

export class RepeatFilter {
  readonly #seen = new Map<string, { readonly atMs: number; unsaid: number }>();
  readonly #limits: RepeatLimits;
  #total: TokenBucket | undefined;
  #others = 0;

  constructor(limits: RepeatLimits) {
    this.#limits = limits;
  }

  isNew(key: string, nowMs: number): boolean {
    return this.news(key, nowMs) !== undefined;
  }

  /** undefined: a repetition. */
  news(key: string, nowMs: number): News | undefined {
    const last = this.#seen.get(key);
    if (last !== undefined && nowMs - last.atMs < this.#limits.intervalMs) {
      last.unsaid += 1;
      return undefined;
    }
    if (!this.#isAllowed(nowMs)) {
      this.#others += 1;
      return undefined;
    }
    this.#seen.delete(key);
    this.#seen.set(key, { atMs: nowMs, unsaid: 0 });
    if (this.#seen.size > this.#limits.remembered) this.#seen.delete(this.#seen.keys().next().value ?? '');
    const others = this.#others;
    this.#others = 0;
    return { unsaid: last?.unsaid ?? 0, ...(others > 0 && { others }) };
  }

  #isAllowed(nowMs: number): boolean {
    const { total } = this.#limits;
    if (total === undefined) return true;
    this.#total ??= new TokenBucket(total, nowMs);
    return this.#total.take(1, nowMs);
  }
}
