// How fast an agent's reports may come to anything. Each that differs is a write to the API server and news
// for people, so a node that changes its mind a thousand times a second would be the whole cluster's trouble.
// Some may come at once (a join, an upgrade); after that the latest waits until its time has come. None of it
// is lost but what was overtaken.
import { TokenBuckets } from '../../protocol/rate/token-bucket.ts';

const limits = { burst: 30, perSecond: 0.5 };
const rememberedNodes = 20_000;

export class ReportPace {
  readonly #now: () => number;
  readonly #onWait: (nodeName: string) => void;
  readonly #reports = new TokenBuckets(limits, rememberedNodes);
  readonly #waiting = new Map<string, { timer: NodeJS.Timeout; take: () => void }>();

  /** `onWait` hears of each that could not be taken at once. */
  constructor(now: () => number, onWait: (nodeName: string) => void) {
    this.#now = now;
    this.#onWait = onWait;
  }

  /** Calls `take` now, or later in the place of an earlier one that waits. */
  take(nodeName: string, take: () => void): void {
    const waiting = this.#waiting.get(nodeName);
    if (waiting) {
      waiting.take = take;
      this.#onWait(nodeName);
      return;
    }
    if (this.#reports.take(nodeName, 1, this.#now())) {
      take();
      return;
    }
    const waitMs = this.#reports.waitMs(nodeName, 1, this.#now());
    const timer = setTimeout(() => this.#due(nodeName), waitMs).unref();
    this.#waiting.set(nodeName, { timer, take });
    this.#onWait(nodeName);
  }

  forget(nodeName: string): void {
    clearTimeout(this.#waiting.get(nodeName)?.timer);
    this.#waiting.delete(nodeName);
  }

  #due(nodeName: string): void {
    const take = this.#waiting.get(nodeName)?.take;
    this.#waiting.delete(nodeName);
    this.#reports.spend(nodeName, 1, this.#now());
    take?.();
  }
}
