// New versions and drift as a node's conditions and events: pure. A condition says how it is, by code; an
// event is told when it changes.
import type { DriftNote, VersionNote } from '../../protocol/messages/report.ts';
import { type Note, told } from '../kubernetes/event-recorder.ts';
import { settingsComponent } from '../pools/rollout.ts';
import type { Condition, RegisteredNodeStatus } from '../resources/registered-node.ts';

interface Told {
  readonly upgrades?: readonly VersionNote[] | undefined;
  readonly drift?: readonly DriftNote[] | undefined;
}

type Fact = Omit<Condition, 'lastTransitionTime'>;

export function upgradeConditions({ upgrades = [], drift = [] }: Told): Fact[] {
  return [versionsCondition(upgrades), driftCondition(drift.filter(({ repaired }) => !repaired))];
}

function versionsCondition(upgrades: readonly VersionNote[]): Fact {
  const type = 'VersionsCurrent';
  const refused = upgrades.filter(({ state }) => state !== 'trying' && state !== 'waiting');
  const [first] = refused;
  if (first !== undefined) {
    const message = refused.map((note) => note.detail ?? way(note)).join('; ');
    return { type, status: 'False', reason: codeOf(first), message: limited(message) };
  }
  const [trying] = upgrades;
  if (trying === undefined) return { type, status: 'True', ...told('VERSIONS_CURRENT') };
  return { type, status: 'Unknown', ...begun(trying) };
}

function driftCondition(standing: readonly DriftNote[]): Fact {
  const type = 'InSync';
  if (standing.length === 0) return { type, status: 'True', ...told('NO_DRIFT') };
  return { type, status: 'False', ...told('DRIFT_FOUND', listed(standing)) };
}

/** What has become news between two statuses. */
export function upgradeEvents(before: RegisteredNodeStatus, after: RegisteredNodeStatus): Note[] {
  return [...versionEvents(before, after), ...driftEvents(before.drift ?? [], after.drift ?? [])];
}

function versionEvents(before: RegisteredNodeStatus, after: RegisteredNodeStatus): Note[] {
  const old = before.upgrades ?? [];
  const now = after.upgrades ?? [];
  const events: Note[] = [];
  for (const note of now) {
    const known = old.find(({ component }) => component === note.component);
    if (known?.state === note.state && known.to === note.to && known.code === note.code) continue;
    const isUnderWay = note.state === 'trying' || note.state === 'waiting';
    if (isUnderWay) events.push({ type: 'Normal', ...begun(note) });
    else events.push({ type: 'Warning', reason: codeOf(note), message: note.detail ?? way(note) });
  }
  for (const note of old.filter(({ state }) => state === 'trying')) {
    const isOver = !now.some(({ component }) => component === note.component);
    if (isOver && note.component === settingsComponent) events.push({ type: 'Normal', ...told('RESTARTED') });
    else if (isOver && after.versions?.[note.component] === note.to)
      events.push({ type: 'Normal', ...told('UPGRADED', valuesOf(note)) });
  }
  return events;
}

function driftEvents(before: readonly DriftNote[], after: readonly DriftNote[]): Note[] {
  const isNew = (note: DriftNote) =>
    !before.some(({ key, at, repaired }) => key === note.key && at === note.at && repaired === note.repaired);
  const fresh = after.filter(isNew);
  const repaired = fresh.filter((note) => note.repaired);
  const standing = fresh.filter((note) => !note.repaired);
  return [
    ...(standing.length === 0
      ? []
      : [{ type: 'Warning', ...told('DRIFT_FOUND', listed(standing)) } as const]),
    ...(repaired.length === 0
      ? []
      : [{ type: 'Warning', ...told('DRIFT_REPAIRED', listed(repaired)) } as const]),
  ];
}

function begun(note: VersionNote): Pick<Note, 'reason' | 'message'> {
  if (note.component !== settingsComponent) return told('UPGRADE_BEGUN', valuesOf(note));
  const detail = limited(note.detail || note.to);
  return told(note.state === 'waiting' ? 'RESTART_WAITS' : 'RESTART_BEGUN', { detail });
}

const listed = (notes: readonly DriftNote[]) => ({
  count: notes.length,
  detail: limited(notes.map(({ key, reason }) => `${key} (${reason})`).join(', ')),
});
const codeOf = ({ code }: VersionNote) => code ?? 'UPGRADE_FAILED';
const valuesOf = ({ component, from, to }: VersionNote) => ({ component, from, to });
const way = ({ component, from, to }: VersionNote) => `${component} ${from} → ${to}`;
const limited = (text: string) => text.slice(0, 900);
