// Carries a plan out, step by step: look once more, record what undoes it in the journal, then change. A step
// that turns out to be done already (by a step before it, or by a run that was cut off) is passed over.
// Neighbours that are independent of each other are recorded together and made side by side.
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { JournalEntry } from './entry.ts';
import { undoneKind } from './fold.ts';
import type { Change, Journal } from './journal.ts';
import { kindOf, type Tools } from './kind.ts';
import { kinds } from './kinds/index.ts';
import { groupSteps, isLanes, runSideBySide } from './parallel.ts';
import type { MakeStep, Plan, Step, WithdrawStep } from './plan.ts';
import { undoThing } from './undo.ts';

export type StepEvent =
  | { readonly type: 'begin'; readonly step: Step; readonly index: number; readonly total: number }
  | { readonly type: 'bytes'; readonly step: Step; readonly doneBytes: number; readonly totalBytes: number }
  | { readonly type: 'end'; readonly step: Step; readonly elapsedMs: number };

export type StepListener = (event: StepEvent) => void;

export async function executePlan(
  tools: Tools,
  journal: Journal,
  plan: Plan,
  onEvent: StepListener = () => undefined,
): Promise<void> {
  const total = plan.steps.length;
  const place = new Map(plan.steps.map((step, index) => [step, index]));
  const tell = (watched: Tools, step: Step, act: (watched: Tools) => Promise<void>) =>
    told(watched, { step, index: place.get(step) ?? 0, total, onEvent }, act);
  for (const group of groupSteps(plan.steps)) {
    tools.signal?.throwIfAborted();
    if (!isLanes(group)) {
      await tell(tools, group, (watched) => carryOut(watched, journal, group));
      continue;
    }
    const { folders, lanes, atOnce } = group;
    const changes = await prepare(tools, journal, [...folders, ...lanes.flat()]);
    const make = (watched: Tools, step: MakeStep) =>
      tell(watched, step, changes.get(step) ?? (async () => undefined));
    for (const folder of folders) await make(tools, folder);
    await runSideBySide(lanes, atOnce, tools.signal, async (lane, signal) => {
      for (const step of lane) {
        signal.throwIfAborted();
        await make({ ...tools, signal }, step);
      }
    });
  }
}

interface Telling {
  readonly step: Step;
  readonly index: number;
  readonly total: number;
  readonly onEvent: StepListener;
}

async function told(
  tools: Tools,
  { step, index, total, onEvent }: Telling,
  act: (watched: Tools) => Promise<void>,
): Promise<void> {
  const startedMs = tools.host.clock.monotonicMs();
  onEvent({ type: 'begin', step, index, total });
  const onBytes = (doneBytes: number, totalBytes: number) =>
    onEvent({ type: 'bytes', step, doneBytes, totalBytes });
  await naming(step, () => act({ ...tools, onBytes }));
  onEvent({ type: 'end', step, elapsedMs: tools.host.clock.monotonicMs() - startedMs });
}

async function carryOut(tools: Tools, journal: Journal, step: Step): Promise<void> {
  if (step.action === 'withdraw') return withdraw(tools, journal, step);
  const changes = await prepare(tools, journal, [step]);
  await changes.get(step)?.(tools);
}

/**
 * Looks once more and records, all with one write of the journal and before any of the changes. Returns what
 * makes them; of a step that has nothing left to change there is none.
 */
async function prepare(
  tools: Tools,
  journal: Journal,
  steps: readonly MakeStep[],
): Promise<ReadonlyMap<MakeStep, (tools: Tools) => Promise<void>>> {
  const changes = new Map<MakeStep, (tools: Tools) => Promise<void>>();
  const lines: Change[] = [];
  for (const step of steps) {
    const { key, resource } = step;
    const kind = kindOf(kinds, resource);
    await naming(step, async () => {
      const observed = await kind.observe(tools.host, resource);
      const known = sinceTakenBack(journal.entries, key);
      const isJournaled = known.length > 0;
      if (kind.compare(resource, observed, isJournaled).state !== 'wrong') return;
      const first = kind.entrySchema.safeParse(known[0]?.entry).data;
      const entry = await kind.record(tools, resource, observed, first);
      // The same undoing needs no second line: a unit restarted a thousand times has one.
      const isKnown = known.some((line) => JSON.stringify(line.entry) === JSON.stringify(entry));
      if (!isKnown) lines.push({ key, kind: resource.kind, entry });
      changes.set(step, (watched) => kind.apply(watched, resource, observed));
    });
  }
  await journal.append(...lines);
  return changes;
}

function sinceTakenBack(entries: readonly JournalEntry[], key: string): readonly JournalEntry[] {
  const known = entries.filter((line) => line.key === key);
  return known.slice(known.findLastIndex(({ kind }) => kind === undoneKind) + 1);
}

async function withdraw(tools: Tools, journal: Journal, { key, thing }: WithdrawStep): Promise<void> {
  await undoThing(tools, thing);
  await journal.append({ key, kind: undoneKind, entry: {} });
}

/** What the door has no code of its own for is told with the step that met it. */
async function naming(step: Step, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) {
      throw new Fault('STEP_FAILED', { step: step.title, detail: error.message }, { cause: error });
    }
    throw error;
  }
}
