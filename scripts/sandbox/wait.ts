// Waiting in the sandbox is always polling with a deadline: a condition, what it is called, and how long at
// most. Asking is not for nothing, and what is waited for needs the same processors: a question that takes
// long is asked more seldom.
import { setTimeout as sleep } from 'node:timers/promises';
import { spend } from './ledger.ts';

/**
 * So long a wait is patience and not a measure: where nobody sits before it, a slow machine gets more of it.
 */
const patientFromMs = 60_000;
const patienceFactor = process.env.CI === 'true' ? 3 : 1;

export interface WaitOptions {
  /** From a minute on three times as long in CI. */
  readonly timeoutMs: number;
  /**
   * At least; below a tenth of a second for a moment that must not be missed, which is asked for as it says.
   */
  readonly intervalMs?: number;
  /** Added to the error, e.g. the end of a log. */
  readonly detail?: () => Promise<string> | string;
}

/** Calls `condition` until it returns something other than undefined or false, and returns that. */
export function waitFor<T>(
  what: string,
  condition: () => Promise<T | undefined | false> | T | undefined | false,
  options: WaitOptions,
): Promise<T> {
  return spend('waits', () => poll(what, condition, options));
}

async function poll<T>(
  what: string,
  condition: () => Promise<T | undefined | false> | T | undefined | false,
  options: WaitOptions,
): Promise<T> {
  const timeoutMs = options.timeoutMs * (options.timeoutMs >= patientFromMs ? patienceFactor : 1);
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    const askedMs = performance.now();
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > deadlineMs) {
      const detail = options.detail === undefined ? '' : `\n${await options.detail()}`;
      throw new Error(`waited ${timeoutMs / 1000} s in vain for ${what}${detail}`);
    }
    await sleep(pauseMs(options.intervalMs, performance.now() - askedMs));
  }
}

/** Two thirds of the time nobody asks. What takes longer than a second waits itself, and is no work. */
export function pauseMs(intervalMs = 100, tookMs = 0): number {
  return intervalMs < 100 ? intervalMs : Math.max(intervalMs, 2 * Math.min(tookMs, 1000));
}
