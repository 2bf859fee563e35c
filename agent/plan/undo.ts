// The journal, backwards: everything that we changed is put back, nothing else is touched, and what has to stay
// is listed with why. Each undoing looks first and may be repeated, so a leave that was cut off is just run
// again. Units that ran before us are started again last, when their own files are back.
import { Fault } from '../../protocol/fault.ts';
import { isMendable } from '../host/disk-faults.ts';
import { mustRun } from './command.ts';
import type { JournalEntry } from './entry.ts';
import { foldJournal, type JournaledThing } from './fold.ts';
import type { Kind, Tools, UndoOutcome } from './kind.ts';
import { kinds } from './kinds/index.ts';
import { observeUnit, unitsToRevive } from './kinds/unit.ts';

export interface UndoOptions {
  /** Go on past what fails, and list it. */
  readonly force?: boolean;
  readonly onThing?: (thing: JournaledThing, outcome: UndoOutcome) => void;
}

/** Returns what could not be undone, a line each. */
export async function undoAll(
  tools: Tools,
  entries: readonly JournalEntry[],
  options: UndoOptions = {},
): Promise<string[]> {
  const things = [...foldJournal(entries).values()].toReversed();
  const kept: string[] = [];
  for (const thing of things) {
    const outcome = await undoThing(tools, thing).catch((error: unknown) => {
      // With room again it can be undone, and until then the journal and the backups are all there is of what was before.
      if (!options.force || isMendable(error)) throw error;
      return { outcome: 'kept', detail: `${thing.key}: ${String(error)}` } as const;
    });
    if (outcome.outcome === 'kept') kept.push(outcome.detail ?? thing.key);
    options.onThing?.(thing, outcome);
  }
  kept.push(...(await settleUnits(tools, things, options.force ?? false)));
  return kept;
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

async function settleUnits(
  tools: Tools,
  things: readonly JournaledThing[],
  force: boolean,
): Promise<string[]> {
  const units = things.filter((thing) => thing.kind === 'unit');
  if (units.length === 0) return [];
  const kept: string[] = [];
  const attempt = async (args: readonly string[]) => {
    await mustRun(tools.host, 'systemctl', args, { timeoutMs: 120_000 }).catch((error: unknown) => {
      if (!force || !(error instanceof Fault)) throw error;
      kept.push(error.message);
    });
  };
  await attempt(['daemon-reload']);
  for (const name of units.flatMap((unit) => unitsToRevive([unit.entries[0]]))) {
    const { activeState } = await observeUnit(tools.host, name);
    if (activeState !== 'active') await attempt(['start', name]);
  }
  return kept;
}
