// Carries a plan out, step by step: look once more, record what undoes it in the journal, then change. A step
// that turns out to be done already (by a step before it, or by a run that was cut off) is passed over.
import { Fault } from '../../protocol/fault.ts';
import { hasCode } from '../host/durable.ts';
import { undoneKind } from './fold.ts';
import type { Journal } from './journal.ts';
import { kindOf, type Tools } from './kind.ts';
import { kinds } from './kinds/index.ts';
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
  for (const [index, step] of plan.steps.entries()) {
    tools.signal?.throwIfAborted();
    const startedMs = tools.host.clock.monotonicMs();
    onEvent({ type: 'begin', step, index, total: plan.steps.length });
    const watched: Tools = {
      ...tools,
      onBytes: (doneBytes, totalBytes) => onEvent({ type: 'bytes', step, doneBytes, totalBytes }),
    };
    await naming(step, () =>
      step.action === 'make' ? make(watched, journal, step) : withdraw(watched, journal, step),
    );
    onEvent({ type: 'end', step, elapsedMs: tools.host.clock.monotonicMs() - startedMs });
  }
}

async function make(tools: Tools, journal: Journal, { key, resource }: MakeStep): Promise<void> {
  const kind = kindOf(kinds, resource);
  const observed = await kind.observe(tools.host, resource);
  const known = journal.entries.filter((line) => line.key === key);
  const isJournaled = known.length > 0 && known.at(-1)?.kind !== undoneKind;
  if (kind.compare(resource, observed, isJournaled).state !== 'wrong') return;
  const entry = await kind.record(tools, resource, observed);
  // The same undoing needs no second line: a unit restarted a thousand times has one.
  const isKnown = isJournaled && known.some((line) => JSON.stringify(line.entry) === JSON.stringify(entry));
  if (!isKnown) await journal.append(key, resource.kind, entry);
  await kind.apply(tools, resource, observed);
}

async function withdraw(tools: Tools, journal: Journal, { key, thing }: WithdrawStep): Promise<void> {
  await undoThing(tools, thing);
  await journal.append(key, undoneKind, {});
}

/** A full disk is a fault of its own; any other error of the system is told with the step that met it. */
async function naming(step: Step, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (hasCode(error, 'ENOSPC', 'EDQUOT')) {
      throw new Fault('NO_SPACE', { path: step.title, freeMiB: 0, neededMiB: '?' }, { cause: error });
    }
    if (error instanceof Error && 'syscall' in error) {
      throw new Fault('STEP_FAILED', { step: step.title, detail: error.message }, { cause: error });
    }
    throw error;
  }
}
