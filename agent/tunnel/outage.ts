// What the log says while the tunnel is down: the first failure, then one line at doubling intervals with the
// sum of what has happened since, and the sum of it all when it is over. An outage of a day is some dozens of
// lines, whatever its failures are called. A connection that does not last ends no outage.
import type { Logger } from 'pino';

export interface Failure {
  readonly code?: string | undefined;
  readonly detail: string;
}

export const outagePauses = { firstMs: 5_000, longestMs: 10 * 60_000, healthyMs: 30_000 } as const;
const rememberedKinds = 8;

interface Outage {
  readonly sinceMs: number;
  failures: number;
  toldFailures: number;
  pauseMs: number;
  nextAtMs: number;
  /** The same for its end, which it may have more than one of. */
  endPauseMs: number;
  nextEndAtMs: number;
  /** Text → how often since the last line. */
  readonly kinds: Map<string, number>;
}

export class OutageLog {
  readonly #logger: Pick<Logger, 'warn' | 'info'>;
  #outage: Outage | undefined;
  #openSinceMs: number | undefined;

  constructor(logger: Pick<Logger, 'warn' | 'info'>) {
    this.#logger = logger;
  }

  /** An attempt or a connection has failed. */
  failed({ code, detail }: Failure, nowMs: number): void {
    if (this.#openSinceMs !== undefined && nowMs - this.#openSinceMs >= outagePauses.healthyMs)
      this.#outage = undefined;
    this.#openSinceMs = undefined;
    const isFirst = this.#outage === undefined;
    const outage = this.#outage ?? begun(nowMs);
    this.#outage = outage;
    outage.failures += 1;
    const kind = code === undefined ? detail : `${code}: ${detail}`;
    if (outage.kinds.has(kind) || outage.kinds.size < rememberedKinds)
      outage.kinds.set(kind, (outage.kinds.get(kind) ?? 0) + 1);
    if (isFirst) this.#logger.warn({ code, detail }, 'the tunnel is down');
    else if (nowMs >= outage.nextAtMs) this.#logger.warn(sumOf(outage, nowMs), 'the tunnel is still down');
    else return;
    outage.toldFailures = outage.failures;
    outage.kinds.clear();
    outage.nextAtMs = nowMs + outage.pauseMs;
    outage.pauseMs = Math.min(outagePauses.longestMs, outage.pauseMs * 2);
  }

  /** The tunnel is open. */
  opened(nowMs: number): void {
    this.#openSinceMs = nowMs;
    // One failure was told, and that it is open again everybody sees.
    const outage = this.#outage;
    if (outage === undefined || outage.failures === outage.toldFailures || nowMs < outage.nextEndAtMs) return;
    this.#logger.info(sumOf(outage, nowMs), 'the tunnel is open again');
    outage.toldFailures = outage.failures;
    outage.kinds.clear();
    outage.nextEndAtMs = nowMs + outage.endPauseMs;
    outage.endPauseMs = Math.min(outagePauses.longestMs, outage.endPauseMs * 2);
  }
}

function begun(nowMs: number): Outage {
  const { firstMs } = outagePauses;
  const pauses = { pauseMs: firstMs, nextAtMs: nowMs, endPauseMs: firstMs, nextEndAtMs: nowMs };
  return { sinceMs: nowMs, failures: 0, toldFailures: 0, ...pauses, kinds: new Map() };
}

function sumOf({ sinceMs, failures, toldFailures, kinds }: Outage, nowMs: number) {
  return {
    seconds: Math.round((nowMs - sinceMs) / 1000),
    failures,
    sinceLastLine: failures - toldFailures,
    kinds: Object.fromEntries(kinds),
  };
}
