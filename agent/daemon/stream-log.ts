// The host's own record of the streams through its tunnel: a line in the log for each, and a bounded number
// of lines. A gateway may open streams as fast as it likes; what is left unsaid is counted, and told with the
// next line, so nobody hides in it.
import type { Logger } from 'pino';
import { RepeatFilter } from '../../protocol/rate/repeat-filter.ts';
import { TokenBucket } from '../../protocol/rate/token-bucket.ts';
import type { StreamAudit } from '../../protocol/tunnel/audit.ts';
import type { HostClock } from '../host/host.ts';

/** Far more than kubectl and Prometheus make on a node. */
const limits = { burst: 600, perSecond: 10 };
/** Of those that were refused alike. */
const refusedOnceIn = { intervalMs: 60_000, remembered: 100 };

export function streamLog(
  logger: Pick<Logger, 'info'>,
  clock: Pick<HostClock, 'monotonicMs'>,
): (record: StreamAudit) => void {
  const bucket = new TokenBucket(limits, clock.monotonicMs());
  const refused = new RepeatFilter(refusedOnceIn);
  let unsaid = 0;
  return (stream) => {
    const nowMs = clock.monotonicMs();
    const isRepeated = stream.outcome === 'refused' && !refused.isNew(stream.code ?? '', nowMs);
    if (isRepeated || !bucket.take(1, nowMs)) {
      unsaid += 1;
      return;
    }
    logger.info({ stream, ...(unsaid > 0 && { unsaid }) }, 'stream');
    unsaid = 0;
  };
}
