// What is told once in a while though it happens all the time: log lines, records of the audit. Everything is
// counted elsewhere; this says whether it is news, and how often it was left unsaid since. A bounded number
// of things is remembered; what was forgotten is news again.

export interface RepeatLimits {
  readonly intervalMs: number;
  readonly remembered: number;
}

export class RepeatFilter {
  readonly #seen = new Map<string, { readonly atMs: number; unsaid: number }>();
  readonly #limits: RepeatLimits;

  constructor(limits: RepeatLimits) {
    this.#limits = limits;
  }

  isNew(key: string, nowMs: number): boolean {
    return this.news(key, nowMs) !== undefined;
  }

  /** undefined: a repetition. */
  news(key: string, nowMs: number): { readonly unsaid: number } | undefined {
    const last = this.#seen.get(key);
    if (last !== undefined && nowMs - last.atMs < this.#limits.intervalMs) {
      last.unsaid += 1;
      return undefined;
    }
    this.#seen.delete(key);
    this.#seen.set(key, { atMs: nowMs, unsaid: 0 });
    if (this.#seen.size > this.#limits.remembered) this.#seen.delete(this.#seen.keys().next().value ?? '');
    return { unsaid: last?.unsaid ?? 0 };
  }
}
