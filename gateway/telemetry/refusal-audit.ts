// Who sends telemetry that is none: told once a minute for each node and reason, with how often it was not
// told since. The counters have all, by reason; they can't name nodes, of which there may be thousands.

import { RepeatFilter } from '../../protocol/rate/repeat-filter.ts';
import type { RefusalReason } from '../../protocol/telemetry/refusal.ts';
import type { Audit } from '../audit/audit.ts';

const repeats = { intervalMs: 60_000, remembered: 10_000 };

export function auditRefusals(
  audit: Audit,
  now: () => number,
): (node: string, reason: RefusalReason) => void {
  const filter = new RepeatFilter(repeats);
  return (node, reason) => {
    const news = filter.news(`${node} ${reason}`, now());
    if (news) audit.record({ event: 'telemetry', outcome: 'refused', node, reason, ...news });
  };
}
