// The real clock. Sleeping is the only way to wait in the agent, and it can always be ended by a signal.
import { setTimeout as wait } from 'node:timers/promises';
import type { HostClock } from './host.ts';

export const systemClock: HostClock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  async sleep(milliseconds, signal) {
    await wait(milliseconds, undefined, { signal });
  },
};
