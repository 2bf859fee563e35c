// Answers that many may ask for at once, or one over and over: whoever asks the same within a
// moment gets the same answer, and it is looked for once. A failure is told to those who were
// waiting for it and kept for nobody.

export interface RecentLimits {
  readonly keptMs: number;
  readonly remembered: number;
}

export class RecentAnswers<T> {
  readonly #answers = new Map<string, { readonly atMs: number; readonly answer: Promise<T> }>();
  readonly #limits: RecentLimits;
  readonly #now: () => number;

  constructor(limits: RecentLimits, now: () => number) {
    this.#limits = limits;
    this.#now = now;
  }

  get(key: string, look: () => Promise<T>): Promise<T> {
    const nowMs = this.#now();
    const known = this.#answers.get(key);
    if (known !== undefined && Math.abs(nowMs - known.atMs) < this.#limits.keptMs) return known.answer;
    const one = { atMs: nowMs, answer: look() };
    this.#answers.delete(key);
    this.#answers.set(key, one);
    if (this.#answers.size > this.#limits.remembered)
      this.#answers.delete(this.#answers.keys().next().value ?? '');
    one.answer.catch(() => {
      if (this.#answers.get(key) === one) this.#answers.delete(key);
    });
    return one.answer;
  }
}
