// The real clock. Sleeping is the only way to wait in the agent, and it can always be ended by a signal.
import { setTimeout as wait } from 'node:timers/promises';
import type { HostClock } from './host.ts';

/** What Node.js takes; anything longer it would end after a millisecond. */
const longestTimerMs = 2 ** 31 - 1;

export const systemClock: HostClock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  async sleep(milliseconds, signal) {
    await wait(Math.min(milliseconds, longestTimerMs), undefined, { signal });
  },
};
