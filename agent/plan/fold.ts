// From journal lines to things: for each key all its entries since it was last taken back, in the order in
// which the keys first appeared. Undoing goes through them backwards.
import type { JournalEntry } from './entry.ts';

export interface JournaledThing {
  readonly key: string;
  readonly kind: string;
  readonly entries: readonly [unknown, ...unknown[]];
}

export const undoneKind = 'undone';

export function foldJournal(entries: readonly JournalEntry[]): Map<string, JournaledThing> {
  const things = new Map<string, JournaledThing>();
  for (const { key, kind, entry } of entries) {
    const known = things.get(key);
    if (kind === undoneKind) things.delete(key);
    else if (known === undefined) things.set(key, { key, kind, entries: [entry] });
    else things.set(key, { ...known, entries: [...known.entries, entry] });
  }
  return things;
}
