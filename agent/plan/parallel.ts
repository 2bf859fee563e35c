// Which steps of a plan may run side by side: downloads, and nothing else. They touch nothing but files of their own, and
// waiting for one origin shall not keep another from sending.
import type { MakeStep, Step } from './plan.ts';

export type StepGroup = readonly [Step] | readonly MakeStep[];

/** In the order of the plan; neighbouring downloads together. */
export function groupSteps(steps: readonly Step[]): StepGroup[] {
  const groups: (Step[] | MakeStep[])[] = [];
  let downloads: MakeStep[] | undefined;
  for (const step of steps) {
    if (step.action === 'make' && step.resource.kind === 'artifact') {
      if (downloads === undefined) {
        downloads = [];
        groups.push(downloads);
      }
      downloads.push(step);
    } else {
      downloads = undefined;
      groups.push([step]);
    }
  }
  return groups as StepGroup[];
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
