// What a node says about versions that are not simply in use: pure.
import type { VersionNote } from '../../protocol/messages/report.ts';
import type { Choice, Failure, Trial } from '../components/versions.ts';

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
