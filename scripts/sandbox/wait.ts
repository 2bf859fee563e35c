// Waiting in the sandbox is always polling with a deadline: a condition, what it is called, and how long at most.
import { setTimeout as sleep } from 'node:timers/promises';

export interface WaitOptions {
  readonly timeoutMs: number;
  readonly intervalMs?: number;
  /** Added to the error, e.g. the end of a log. */
  readonly detail?: () => Promise<string> | string;
}

/** Calls `condition` until it returns something other than undefined or false, and returns that. */
export async function waitFor<T>(
  what: string,
  condition: () => Promise<T | undefined | false> | T | undefined | false,
  options: WaitOptions,
): Promise<T> {
  const deadlineMs = performance.now() + options.timeoutMs;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > deadlineMs) {
      const detail = options.detail === undefined ? '' : `\n${await options.detail()}`;
      throw new Error(`waited ${options.timeoutMs / 1000} s in vain for ${what}${detail}`);
    }
    await sleep(options.intervalMs ?? 100);
  }
}
