// Sends what waits in the two queues, one request at a time, so that samples of a series never overtake each
// other. A store that is away is tried again with growing pauses; what it refuses for good is dropped and
// counted. When it refuses a request of many nodes, each node's part is tried by itself: the wrong clock of
// one host does not cost the others their samples.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { compress } from 'snappyjs';
import type { Outcome } from './destination.ts';
import type { RemoteWriteFigures } from './figures.ts';
import type { SampleQueue } from './queue.ts';
import { encodeWriteRequest, type Sample } from './write-request.ts';

export interface SenderOptions {
  readonly live: SampleQueue;
  readonly backlog: SampleQueue;
  /** Breaks off even a request that is under way. */
  readonly cut: AbortSignal;
  readonly write: (body: Uint8Array, signal: AbortSignal) => Promise<Outcome>;
  readonly figures: RemoteWriteFigures;
  /** The store took nothing of this source. */
  readonly onRefused: (source: string) => void;
  readonly logger: Pick<Logger, 'info' | 'warn'>;
  /** How long a sample may wait for others to come along. */
  readonly gatherMs?: number;
  readonly backoffFloorMs?: number;
  readonly backoffCapMs?: number;
}

const samplesPerRequest = 5000;
const defaults = { gatherMs: 1000, backoffFloorMs: 500, backoffCapMs: 30_000 };
const refusalLogMs = 60_000;

export class Sender {
  readonly #options: SenderOptions & typeof defaults;
  #attempt = 0;
  #refusalLoggedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: SenderOptions) {
    this.#options = { ...defaults, ...options };
  }

  /** Until the signal; what is under way is still answered. */
  async run(signal: AbortSignal): Promise<void> {
    const { live, backlog, gatherMs } = this.#options;
    while (!signal.aborted) {
      if (!live.holds(samplesPerRequest)) await pause(gatherMs, signal);
      if (signal.aborted) return;
      await this.#round(signal);
      // Live samples are not to wait for a long backlog: they take turns.
      while (backlog.length > 0 && !live.holds(samplesPerRequest) && !signal.aborted)
        await this.#round(signal);
    }
  }

  /** What waits, once, without trying again: before the end. */
  async flush(signal: AbortSignal): Promise<void> {
    const { live, backlog } = this.#options;
    while ((live.length > 0 || backlog.length > 0) && this.#attempt === 0 && !signal.aborted) {
      await this.#round(signal, 1);
    }
  }

  async #round(signal: AbortSignal, attempts?: number): Promise<void> {
    const { live, backlog, figures } = this.#options;
    for (const samples of [live.take(samplesPerRequest), backlog.take(samplesPerRequest, true)]) {
      figures.taken(samples.length);
      await this.#send(samples, signal, attempts);
    }
  }

  async #send(
    samples: readonly Sample[],
    signal: AbortSignal,
    attempts = Number.POSITIVE_INFINITY,
  ): Promise<void> {
    if (samples.length === 0) return;
    const { figures } = this.#options;
    const outcome = await this.#deliver(samples, signal, attempts);
    if (outcome.kind === 'stored') figures.stored(samples);
    else if (outcome.kind === 'again') figures.gaveUp('stopped', samples.length);
    else await this.#refused(samples, outcome, signal, attempts);
  }

  /** Tries until the store has said yes or no. */
  async #deliver(samples: readonly Sample[], signal: AbortSignal, attempts: number): Promise<Outcome> {
    const { figures, write, cut, logger, backoffFloorMs, backoffCapMs } = this.#options;
    const beganMs = performance.now();
    const body = compress(encodeWriteRequest(samples));
    const madeMs = performance.now();
    for (;;) {
      const outcome = await write(body, cut);
      // Everything else that the gateway does waits while a request is made: half of the time at most.
      const restMs = 2 * madeMs - beganMs - performance.now();
      if (restMs > 0) await pause(restMs, signal);
      figures.request(outcome.kind, body.byteLength);
      if (outcome.kind !== 'again') {
        if (this.#attempt > 0) logger.info({}, 'remote-write works again');
        this.#attempt = 0;
        return outcome;
      }
      this.#attempt += 1;
      if (signal.aborted || this.#attempt >= attempts) return outcome;
      const ceilingMs = Math.min(backoffCapMs, backoffFloorMs * 2 ** Math.min(16, this.#attempt - 1));
      const waitMs = Math.max(outcome.waitMs ?? 0, ceilingMs * (0.5 + Math.random() / 2));
      const said = { detail: outcome.detail, attempt: this.#attempt, nextTryMs: Math.round(waitMs) };
      if (this.#attempt === 1 || this.#attempt % 10 === 0)
        logger.warn(said, 'remote-write fails, trying again');
      await pause(waitMs, signal);
      if (signal.aborted) return outcome;
    }
  }

  async #refused(
    samples: readonly Sample[],
    outcome: Outcome & { kind: 'refused' },
    signal: AbortSignal,
    attempts: number,
  ): Promise<void> {
    const { figures, logger, onRefused } = this.#options;
    const bySource = Map.groupBy(samples, ({ series }) => series.source);
    if (bySource.size > 1 && isOfContent(outcome.status)) {
      for (const part of bySource.values()) await this.#send(part, signal, attempts);
      return;
    }
    figures.gaveUp('refused', samples.length);
    for (const source of bySource.keys()) onRefused(source);
    const now = performance.now();
    if (now - this.#refusalLoggedAtMs < refusalLogMs) return;
    this.#refusalLoggedAtMs = now;
    const sources = [...bySource.keys()].slice(0, 10);
    logger.warn({ detail: outcome.detail, samples: samples.length, sources }, 'remote-write was refused');
  }
}

/**
 * Whether less of it may be taken: too large, out of order, a label that it does not like. Whom the store
 * does not let in at all, or whose URL is wrong, it lets in with less neither.
 */
function isOfContent(status: number): boolean {
  return status >= 400 && !ofTheWay.has(status);
}

const ofTheWay: ReadonlySet<number> = new Set([401, 402, 403, 404, 405, 406, 407, 410, 411, 415, 421, 426]);

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal, ref: false }).catch(() => undefined);
}
