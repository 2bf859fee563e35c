// Drift as the node reports it: pure. What stays as it was found keeps the time at which it was first
// seen; what was set back is told for a while, so that somebody who looks later learns of it. What is only
// told stands under any policy.

import type { DriftPolicy } from '../../protocol/messages/desired.ts';
import type { DriftNote } from '../../protocol/messages/report.ts';
import type { StandingDrift } from '../plan/drop-ins.ts';
import type { Step } from '../plan/plan.ts';

const repairedShownMs = 60 * 60_000;
/** The report has to fit into one message. */
const mostNotes = 30;

export function nextDrift(
  before: readonly DriftNote[],
  found: readonly Step[],
  policy: DriftPolicy,
  now: string,
  onlyTold: readonly StandingDrift[] = [],
): DriftNote[] {
  const noteOf = ({ key, reason }: StandingDrift, repaired: boolean): DriftNote => {
    const known = before.find((note) => note.key === key && !note.repaired);
    return { key, reason: reason.slice(0, 200), repaired, at: repaired ? now : (known?.at ?? now) };
  };
  const fresh = [
    ...onlyTold.map((one) => noteOf(one, false)),
    ...found.map((step) => noteOf(step, policy === 'repair')),
  ];
  const remembered = before.filter(
    (note) =>
      note.repaired &&
      Date.parse(now) - Date.parse(note.at) < repairedShownMs &&
      !fresh.some(({ key }) => key === note.key),
  );
  return [...fresh, ...remembered].slice(0, mostNotes);
}
