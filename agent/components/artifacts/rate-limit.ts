// One rate for all downloads of this process together, so that a join doesn't fill a private line that others need. Bytes are
// paid for after they came: the pause grows with what has been taken, and a second's worth may come at once.
import type { HostClock } from '../../host/host.ts';

const burstMs = 1000;

export function rateLimit(
  clock: HostClock,
  bytesPerSecond: number,
): (bytes: number, signal?: AbortSignal) => Promise<void> {
  let paidUntilMs = clock.monotonicMs();
  return async (bytes, signal) => {
    const nowMs = clock.monotonicMs();
    paidUntilMs = Math.max(paidUntilMs, nowMs - burstMs) + (bytes / bytesPerSecond) * 1000;
    if (paidUntilMs > nowMs) await clock.sleep(paidUntilMs - nowMs, signal);
  };
}
