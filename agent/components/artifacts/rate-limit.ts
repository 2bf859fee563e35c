// One download rate for the whole process, so that a join does not fill a private line that
// others need. Bytes are counted after they arrive: the pause grows with what was read, and one
// second's worth may arrive at once.
import { TokenBucket } from '../../../protocol/rate/token-bucket.ts';
import type { HostClock } from '../../host/host.ts';

export function rateLimit(
  clock: HostClock,
  bytesPerSecond: number,
): (bytes: number, signal?: AbortSignal) => Promise<void> {
  // Whole pieces come, however slow the line may be: there is no end to what may be owed.
  const limits = { burst: bytesPerSecond, perSecond: bytesPerSecond, debt: Number.POSITIVE_INFINITY };
  const bucket = new TokenBucket(limits, clock.monotonicMs());
  return async (bytes, signal) => {
    bucket.spend(bytes, clock.monotonicMs());
    const owedMs = bucket.waitMs(0, clock.monotonicMs());
    if (owedMs > 0) await clock.sleep(owedMs, signal);
  };
}
