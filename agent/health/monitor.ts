// Asks every source in its own rhythm, one never waiting for another, and tells when the
// findings have changed. A source that fails or hangs has seen nothing; it takes nobody with it
// and is asked again the next time.
import type { Logger } from 'pino';
import type { HealthFinding } from '../../protocol/messages/health.ts';
import type { Host } from '../host/host.ts';
import type { HealthSource, Observation } from './condition.ts';
import { healthTable } from './table.ts';
import { HealthTracker } from './tracker.ts';

const lookTimeoutMs = 60_000;

export interface HealthOptions {
  readonly host: Host;
  readonly sources: readonly HealthSource[];
  /** What the agent before this one had found, since the boot. */
  readonly remembered: readonly HealthFinding[] | undefined;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

export class HealthMonitor {
  readonly #options: HealthOptions;
  readonly #tracker: HealthTracker;
  readonly #unasked: Set<string>;
  readonly #listeners: (() => void)[] = [];
  readonly #wakes = new Map<string, () => void>();

  constructor(options: HealthOptions) {
    this.#options = options;
    this.#tracker = new HealthTracker(healthTable, options.remembered);
    this.#unasked = new Set(options.remembered ? [] : options.sources.map(({ name }) => name));
  }

  /** undefined until everything was looked at once: before that, silence would say that all is well. */
  get findings(): readonly HealthFinding[] | undefined {
    return this.#unasked.size === 0 ? this.#tracker.findings : undefined;
  }

  /** Other findings than before, or the first ones. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** For who sees things by the way and needs no source. */
  observe(observations: readonly Observation[]): void {
    const { host, logger } = this.#options;
    const { clock } = host;
    const before = new Map(this.#tracker.findings.map((one) => [one.code, one]));
    const moment = { nowMs: clock.nowMs(), monotonicMs: clock.monotonicMs() };
    if (!this.#tracker.observe(observations, moment)) return;
    for (const { code, severity, cause, values, message } of this.#tracker.findings) {
      if (!before.delete(code)) logger.warn({ code, severity, cause, values }, message);
    }
    for (const code of before.keys()) logger.info({ code }, 'cleared');
    this.#tell();
  }

  /** Until the signal. */
  async run(): Promise<void> {
    await Promise.all(this.#options.sources.map((source) => this.#ask(source)));
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  /** Something has happened that the slow sources should look at, not wait for. */
  alarm(): void {
    for (const wake of this.#wakes.values()) wake();
  }

  async #ask(source: HealthSource): Promise<void> {
    const { logger, signal } = this.#options;
    const rhythm = new Rhythm(source);
    while (!signal.aborted) {
      const limited = AbortSignal.any([signal, AbortSignal.timeout(lookTimeoutMs)]);
      try {
        const seen = await source.look((code) => this.#tracker.isVisible(code), limited);
        rhythm.seen(seen);
        this.observe(seen);
      } catch (error) {
        if (!signal.aborted) logger.warn({ error, source: source.name }, 'health was not seen');
      }
      const wasLast = this.#unasked.delete(source.name) && this.#unasked.size === 0;
      if (wasLast && !signal.aborted) this.#tell();
      if (await this.#pause(source, rhythm.pauseMs)) rhythm.alarmed();
    }
  }

  /** True when an alarm ended it. */
  async #pause({ name, unsettledMs }: HealthSource, milliseconds: number): Promise<boolean> {
    const { host, signal } = this.#options;
    const woken = new AbortController();
    if (unsettledMs !== undefined) this.#wakes.set(name, () => woken.abort());
    await host.clock.sleep(milliseconds, AbortSignal.any([woken.signal, signal])).catch(() => undefined);
    this.#wakes.delete(name);
    return woken.signal.aborted;
  }
}

/**
 * When a source is asked again: soon after a change or an alarm, then at doubling pauses
 * until it is as seldom as ever.
 */
class Rhythm {
  readonly #source: HealthSource;
  #states: string | undefined;
  #pauseMs: number;

  constructor(source: HealthSource) {
    this.#source = source;
    this.#pauseMs = source.everyMs;
  }

  get pauseMs(): number {
    return this.#pauseMs;
  }

  seen(observations: readonly Observation[]): void {
    const states = observations.map(({ code, state }) => `${code} ${state}`).join();
    const isBad = observations.some(({ state }) => state === 'bad');
    const isNews = this.#states === undefined ? isBad : states !== this.#states;
    this.#states = states;
    if (isNews) this.alarmed();
    else this.#pauseMs = Math.min(this.#source.everyMs, this.#pauseMs * 2);
  }

  alarmed(): void {
    this.#pauseMs = this.#source.unsettledMs ?? this.#source.everyMs;
  }
}
