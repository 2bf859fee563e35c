// What a journal must say so that everything can be undone, and nothing else: keys that were taken back go,
// and of one that was changed over and over the first entry stays (it knows what was there before us) with
// the latest. So a journal is as long as what the host has, not as long as its life. Pure.
import type { JournalEntry } from './entry.ts';
import { undoneKind } from './fold.ts';
import type { Kind } from './kind.ts';
import { kinds } from './kinds/index.ts';

/**
 * Of one key. Undoing tells by them whether what stands there is ours: what was ours so many changes ago, and
 * came back from somewhere since, is its owner's.
 */
export const latestKept = 31;
/** Fewer are not worth a write. */
const spareEntries = 256;

export function isWorthCondensing(entries: number, condensed: number): boolean {
  return entries > 2 * condensed + spareEntries;
}

/** In the order in which the keys first appeared since they were last taken back, numbered anew. */
export function condense(entries: readonly JournalEntry[]): JournalEntry[] {
  const byKey = new Map<string, JournalEntry[]>();
  for (const entry of entries) {
    const known = byKey.get(entry.key);
    if (entry.kind === undoneKind) byKey.delete(entry.key);
    else if (known === undefined) byKey.set(entry.key, [entry]);
    else known.push(entry);
  }
  return [...byKey.values()].flatMap(ofOneKey).map((entry, index) => ({ ...entry, number: index + 1 }));
}

function ofOneKey(entries: readonly JournalEntry[]): readonly JournalEntry[] {
  const [first, ...later] = entries;
  if (first === undefined || later.length <= latestKept) return entries;
  const kind = (kinds as Readonly<Record<string, Kind | undefined>>)[first.kind];
  const merged = kind?.merge?.(entries.map(({ entry }) => entry));
  if (merged !== undefined) return [{ ...first, entry: merged }];
  return [first, ...later.slice(-latestKept)];
}
