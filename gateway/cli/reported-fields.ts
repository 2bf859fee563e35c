// What `node get` shows of a node's report: every field that stands in the status, in this order.
import type { ReportedStatus } from '../../protocol/messages/report.ts';
import { age } from './output.ts';

type Rows = readonly (readonly [name: string, value: string])[];

export function reportedFields(status: ReportedStatus): Rows {
  const { phase = 'Joining', detail, revision = '-', versions = {}, upgrades = [], drift = [] } = status;
  const shown: Readonly<Record<keyof ReportedStatus, Rows>> = {
    phase: [['phase', `${phase}${detail ? `: ${detail}` : ''}`]],
    // Beside the phase.
    detail: [],
    revision: [['revision', revision]],
    versions: [
      [
        'versions',
        Object.entries(versions)
          .map(([component, version]) => `${component} ${version}`)
          .join(', '),
      ],
    ],
    upgrades: upgrades.map((note) => [
      'upgrade',
      `${note.component} ${note.from} → ${note.to}: ${note.state}${note.code ? ` (${note.code})` : ''}${note.detail ? `: ${note.detail}` : ''}`,
    ]),
    drift: drift.map(({ key, reason, repaired, at }) => [
      'drift',
      `${key}: ${reason}, ${repaired ? 'set back' : 'left as it is'} (${age(at)} ago)`,
    ]),
  };
  return Object.values(shown).flat();
}
