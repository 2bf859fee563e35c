// Which steps of a plan may run side by side: fetching and unpacking, and nothing else. Each archive is a lane of its own, fetched
// and then unpacked, so that one unpacks while another still comes; lanes touch nothing but files of their own. The folders that
// they need come first, one after the other like everything else.
import type { MakeStep, Step } from './plan.ts';

export interface Lanes {
  readonly folders: readonly MakeStep[];
  /** Of one archive each, in the order of the plan. */
  readonly lanes: readonly (readonly MakeStep[])[];
}

export type StepGroup = Step | Lanes;

export function isLanes(group: StepGroup): group is Lanes {
  return 'lanes' in group;
}

/** In the order of the plan; neighbours that bring archives together, with the folders between them. */
export function groupSteps(steps: readonly Step[]): StepGroup[] {
  const groups: StepGroup[] = [];
  for (let at = 0; at < steps.length; ) {
    const run = bringing(steps.slice(at));
    const [first] = steps.slice(at);
    if (first === undefined) break;
    groups.push(run.length === 0 ? first : asLanes(run));
    at += Math.max(1, run.length);
  }
  return groups;
}

/** The longest beginning of such steps that ends with an archive's own. */
function bringing(steps: readonly Step[]): MakeStep[] {
  const run: MakeStep[] = [];
  for (const step of steps) {
    if (step.action !== 'make' || !(archiveOf(step) || step.resource.kind === 'directory')) break;
    run.push(step);
  }
  return run.slice(0, run.findLastIndex(archiveOf) + 1);
}

function asLanes(run: readonly MakeStep[]): Lanes {
  const lanes = Map.groupBy(run, archiveOf);
  const folders = lanes.get(undefined) ?? [];
  lanes.delete(undefined);
  return { folders, lanes: [...lanes.values()] };
}

function archiveOf({ resource }: MakeStep): string | undefined {
  return resource.kind === 'artifact' || resource.kind === 'tree' ? resource.artifact.sha256 : undefined;
}

/** Runs all, so many at a time; the first failure stops the others, is waited for, and thrown. */
export async function runSideBySide<T>(
  items: readonly T[],
  limit: number,
  signal: AbortSignal | undefined,
  run: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failed = new AbortController();
  const either = signal === undefined ? failed.signal : AbortSignal.any([signal, failed.signal]);
  const queue = items.values();
  let first: { error: unknown } | undefined;
  const work = async () => {
    for (const item of queue) {
      if (either.aborted) return;
      try {
        await run(item, either);
      } catch (error) {
        first ??= { error };
        failed.abort();
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, work));
  if (first !== undefined) throw first.error;
  signal?.throwIfAborted();
}
