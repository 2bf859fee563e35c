// Audits refused telemetry: one record a minute for each node and reason, with the number of
// refusals since the last one. The counters show all refusals by reason, but cannot have a label for
// each of thousands of nodes.

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
