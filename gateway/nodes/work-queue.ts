// Runs one function per key, one at a time for each key, a few keys at once. A key that is added while it
// runs runs once more; one that fails is tried again with growing delay. Forgetting a key needs no call: a
// run that finds nothing to do is cheap.
import { background } from '../../protocol/defect.ts';
export interface WorkQueueOptions {
  readonly run: (key: string) => Promise<void>;
  readonly onError: (key: string, error: unknown) => void;
  readonly concurrency?: number;
  readonly firstDelayMs?: number;
  readonly lastDelayMs?: number;
}

export class WorkQueue {
  readonly #options: Required<WorkQueueOptions>;
  readonly #waiting = new Set<string>();
  readonly #running = new Set<string>();
  readonly #again = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  #stopped = false;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(options: WorkQueueOptions) {
    this.#options = { concurrency: 8, firstDelayMs: 250, lastDelayMs: 60_000, ...options };
  }

  add(key: string): void {
    if (this.#stopped) return;
    clearTimeout(this.#timers.get(key));
    this.#timers.delete(key);
    if (this.#running.has(key)) this.#again.add(key);
    else this.#waiting.add(key);
    this.#pump();
  }

  /** Adds the key after a while, unless it is added before. */
  addLater(key: string, delayMs: number): void {
    if (this.#stopped || this.#timers.has(key)) return;
    const timer = setTimeout(() => this.add(key), delayMs);
    timer.unref();
    this.#timers.set(key, timer);
  }

  /** Resolves when nothing waits or runs (what is planned for later doesn't count). */
  idle(): Promise<void> {
    if (this.#waiting.size === 0 && this.#running.size === 0) return Promise.resolve();
    this.#idle ??= Promise.withResolvers<void>();
    return this.#idle.promise;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    this.#waiting.clear();
    this.#again.clear();
    await this.idle();
  }

  #pump(): void {
    for (const key of this.#waiting) {
      if (this.#running.size >= this.#options.concurrency) return;
      this.#waiting.delete(key);
      this.#running.add(key);
      background('work queue', this.#run(key));
    }
    if (this.#running.size === 0) {
      this.#idle?.resolve();
      this.#idle = undefined;
    }
  }

  async #run(key: string): Promise<void> {
    try {
      await this.#options.run(key);
      this.#failures.delete(key);
    } catch (error) {
      const failures = (this.#failures.get(key) ?? 0) + 1;
      this.#failures.set(key, failures);
      this.#options.onError(key, error);
      const { firstDelayMs, lastDelayMs } = this.#options;
      this.addLater(
        key,
        Math.min(lastDelayMs, firstDelayMs * 2 ** Math.min(failures, 16)) * (0.5 + Math.random() / 2),
      );
    } finally {
      this.#running.delete(key);
      if (this.#again.delete(key)) this.#waiting.add(key);
      this.#pump();
    }
  }
}
