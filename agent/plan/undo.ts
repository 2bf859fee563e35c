// The journal, backwards: everything that we changed is put back, nothing else is touched, and what has
// to stay is listed with why. One undoing that fails holds up no other. Each undoing looks first and may
// be repeated, so a leave that was cut off is run again. Units that ran before us are started again
// last, with their own files.
import { Fault } from '../../protocol/catalogue/fault.ts';
import { isMendable } from '../host/disk-faults.ts';
import { causeOf, withAttributes } from './cause.ts';
import { mustRun } from './command.ts';
import type { JournalEntry } from './entry.ts';
import { foldJournal, type JournaledThing } from './fold.ts';
import type { Kind, Tools, UndoOutcome } from './kind.ts';
import { kinds } from './kinds/index.ts';
import { observeUnit, unitsToRevive } from './kinds/unit.ts';

export interface Undone {
  /** Keys of what is as it was before us, or stays for a reason that no second try changes. */
  readonly settled: readonly string[];
  /** What stays because it is somebody else's now, a line each. */
  readonly kept: readonly string[];
  /** What could not be put back this time, a line each with the cause. */
  readonly failed: readonly string[];
}

/**
 * Throws only for want of room: with room again all of it can be undone, and the
 * journal is all that knows how.
 */
export async function undoAll(tools: Tools, entries: readonly JournalEntry[]): Promise<Undone> {
  const things = [...foldJournal(entries).values()].toReversed();
  const settled: string[] = [];
  const kept: string[] = [];
  const failed: string[] = [];
  for (const thing of things) {
    try {
      const outcome = await undoThing(tools, thing);
      if (outcome.outcome === 'failed') {
        failed.push(await withAttributes(tools.host, outcome.detail ?? thing.key, outcome.paths ?? []));
        continue;
      }
      settled.push(thing.key);
      if (outcome.outcome === 'kept') kept.push(outcome.detail ?? thing.key);
    } catch (error) {
      if (isMendable(error)) throw error;
      failed.push(`${thing.key}: ${await causeOf(tools.host, error)}`);
    }
  }
  kept.push(...(await settleUnits(tools, things)));
  return { settled, kept, failed };
}

export async function undoThing(tools: Tools, thing: JournaledThing): Promise<UndoOutcome> {
  const kind = (kinds as Readonly<Record<string, Kind | undefined>>)[thing.kind];
  if (kind === undefined) return { outcome: 'kept', detail: `${thing.key}: unknown kind ${thing.kind}` };
  const [first, ...rest] = thing.entries.map((entry) => kind.entrySchema.safeParse(entry));
  if (!first?.success || rest.some((parsed) => !parsed.success)) {
    return { outcome: 'kept', detail: `${thing.key}: its journal entry is not understood` };
  }
  return kind.undo(tools, [first.data, ...rest.map((parsed) => parsed.data)]);
}

/** Returns what systemd refused, a line each. */
async function settleUnits(tools: Tools, things: readonly JournaledThing[]): Promise<string[]> {
  const units = things.filter((thing) => thing.kind === 'unit');
  if (units.length === 0) return [];
  const refused: string[] = [];
  const attempt = async (args: readonly string[]) => {
    await mustRun(tools.host, 'systemctl', args, { timeoutMs: 120_000 }).catch((error: unknown) => {
      if (!(error instanceof Fault)) throw error;
      refused.push(error.message);
    });
  };
  await attempt(['daemon-reload']);
  for (const name of units.flatMap((unit) => unitsToRevive([unit.entries[0]]))) {
    const { activeState } = await observeUnit(tools.host, name);
    if (activeState !== 'active') await attempt(['start', name]);
  }
  return refused;
}
