// Which steps of a plan may run side by side: fetching and unpacking, importing images, and putting files,
// links and parameters in their places; nothing else. Each archive is a lane of its own, fetched and then
// unpacked, so that one unpacks while another still comes; so is each file. Lanes touch nothing but what is
// their own. The folders that they need come first, one after the other.
import type { MakeStep, Step } from './plan.ts';
import type { ResourceKind } from './resource.ts';

/** Each keeps a processor busy, or the line. */
const heavyAtOnce = 3;
/** Most of their time they wait for the disk. */
const lightAtOnce = 8;

export interface Lanes {
  readonly folders: readonly MakeStep[];
  /** Of one archive, image folder or file each, in the order of the plan. */
  readonly lanes: readonly (readonly MakeStep[])[];
  readonly atOnce: number;
}

export type StepGroup = Step | Lanes;

export function isLanes(group: StepGroup): group is Lanes {
  return 'lanes' in group;
}

/**
 * In the order of the plan; neighbours that bring archives together, with the
 * folders between them, and so on.
 */
export function groupSteps(steps: readonly Step[]): StepGroup[] {
  const groups: StepGroup[] = [];
  for (let at = 0; at < steps.length; ) {
    const rest = steps.slice(at);
    const [first] = rest;
    if (first === undefined) break;
    const run =
      beginning(rest, archiveOf, ['directory'], heavyAtOnce) ??
      beginning(rest, imagesOf, [], heavyAtOnce) ??
      beginning(rest, placeOf, ['directory'], lightAtOnce);
    groups.push(run?.lanes ?? first);
    at += run?.length ?? 1;
  }
  return groups;
}

type LaneOf = (step: MakeStep) => string | undefined;

/**
 * The longest beginning of steps with a lane, and of these others between them, that
 * ends with one that has a lane.
 */
function beginning(
  steps: readonly Step[],
  laneOf: LaneOf,
  between: readonly ResourceKind[],
  atOnce: number,
): { readonly lanes: Lanes; readonly length: number } | undefined {
  const run: MakeStep[] = [];
  for (const step of steps) {
    if (step.action !== 'make' || !(laneOf(step) || between.includes(step.resource.kind))) break;
    run.push(step);
  }
  const length = run.findLastIndex(laneOf) + 1;
  if (length === 0) return undefined;
  const lanes = Map.groupBy(run.slice(0, length), laneOf);
  const folders = lanes.get(undefined) ?? [];
  lanes.delete(undefined);
  return { lanes: { folders, lanes: [...lanes.values()], atOnce }, length };
}

function archiveOf({ resource }: MakeStep): string | undefined {
  return resource.kind === 'artifact' || resource.kind === 'tree' ? resource.artifact.sha256 : undefined;
}

function imagesOf({ resource }: MakeStep): string | undefined {
  return resource.kind === 'images' ? resource.folder : undefined;
}

const placed: readonly ResourceKind[] = ['file', 'link', 'claim', 'sysctl'];

function placeOf({ key, resource }: MakeStep): string | undefined {
  return placed.includes(resource.kind) ? key : undefined;
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
