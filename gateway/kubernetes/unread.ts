// Objects whose changes were not read, since they are too large or come too fast (line-pace.ts).
// What was known of them last stays known, and they are read one after the other: after each a pause
// of twenty times as long as it took, so that all of them together take a twentieth of the time,
// however many write however much.
import { setTimeout as sleep } from 'node:timers/promises';
import { background } from '../../protocol/defect.ts';

const defaultPace = { leastPauseMs: 1000, pausePerReading: 20 };

export interface UnreadPace {
  readonly leastPauseMs: number;
  /** Times as long as a reading took. */
  readonly pausePerReading: number;
}

export interface UnreadOptions {
  /** Reads it; what came with it is taken when the function that it answers is called. */
  readonly read: (name: string, namespace: string | undefined) => Promise<() => void>;
  readonly onError: (error: unknown) => void;
  /** Once for each object, until it is gone. */
  readonly tell: (name: string) => void;
  readonly pace?: UnreadPace | undefined;
}

interface Asked {
  readonly name: string;
  readonly namespace: string | undefined;
}

export class Unread {
  readonly #options: UnreadOptions;
  /** Who waits the longest is the first. */
  readonly #asked = new Map<string, Asked>();
  readonly #told = new Set<string>();
  #isRunning = false;

  constructor(options: UnreadOptions) {
    this.#options = options;
  }

  add(key: string, asked: Asked, signal: AbortSignal): void {
    if (!this.#told.has(key)) {
      this.#told.add(key);
      this.#options.tell(asked.name);
    }
    // In its place in the row; a new object, so that a reading under way is not taken for the last.
    this.#asked.set(key, asked);
    if (this.#isRunning) return;
    this.#isRunning = true;
    background('read large objects', this.#run(signal));
  }

  /** A later state of it has been read. */
  drop(key: string, isGone = false): void {
    this.#asked.delete(key);
    if (isGone) this.#told.delete(key);
  }

  /** A list has read all. */
  clear(): void {
    this.#asked.clear();
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { leastPauseMs, pausePerReading } = this.#options.pace ?? defaultPace;
    for (;;) {
      const [first] = this.#asked;
      if (first === undefined || signal.aborted) break;
      const begunMs = performance.now();
      await this.#read(...first);
      const tookMs = performance.now() - begunMs;
      const pauseMs = Math.max(leastPauseMs, tookMs * pausePerReading);
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
    this.#isRunning = false;
  }

  async #read(key: string, asked: Asked): Promise<void> {
    try {
      const take = await this.#options.read(asked.name, asked.namespace);
      const latest = this.#asked.get(key);
      // Heard of, listed or deleted meanwhile: what was read may be older.
      if (latest === undefined) return;
      this.#asked.delete(key);
      if (latest !== asked) this.#asked.set(key, latest);
      take();
    } catch (error) {
      this.#options.onError(error);
      const latest = this.#asked.get(key);
      if (latest === undefined) return;
      this.#asked.delete(key);
      this.#asked.set(key, latest);
    }
  }
}
