// What a node says about versions that are not simply in use: pure.
import type { VersionNote } from '../../protocol/messages/report.ts';
import type { SettingsFailure } from '../components/settings.ts';
import type { Choice, Failure, Trial } from '../components/versions.ts';
import type { PendingRestart } from '../node/pending-restart.ts';
import type { SettingsTrial } from './settings.ts';

/** Named beside runc and the kubelet where versions are told. */
export const settingsComponent = 'settings';

export function tryingNote({ component, from, to }: Trial, missing: string, at: string): VersionNote {
  const detail = missing.slice(0, 400);
  return { component, from: from.version, to: to.version, state: 'trying', code: '', detail, at };
}

export function heldNotes({ held }: Choice, agent: Failure | undefined): VersionNote[] {
  const note = (component: string, { artifact, from, code, detail, at }: Failure): VersionNote => {
    const state = code === 'AGENT_PACKAGED' ? 'held' : 'rolled-back';
    return { component, from, to: artifact.version, state, code, detail, at };
  };
  return [
    ...held.map(({ component, failure }) => note(component, failure)),
    ...(agent === undefined ? [] : [note('agent', agent)]),
  ];
}

/** Its units are the detail: what they will read is known by an id alone. */
export function waitingNote({ id, units }: PendingRestart, at: string): VersionNote {
  return { ...settingsNote(id, at), state: 'waiting', detail: units.join(', ') };
}

export function tryingSettingsNote({ id, units }: SettingsTrial, missing: string, at: string): VersionNote {
  const detail = (missing || units.join(', ')).slice(0, 400);
  return { ...settingsNote(id, at), state: 'trying', detail };
}

export function heldSettingsNote({ id, code, detail, at }: SettingsFailure): VersionNote {
  return { ...settingsNote(id, at), state: 'rolled-back', code, detail };
}

const settingsNote = (to: string, at: string) => ({
  component: settingsComponent,
  from: '-',
  to,
  code: '',
  at,
});
