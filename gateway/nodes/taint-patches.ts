// How taints of a Node are changed: each by itself, as JSON patches, and never by the whole list under the
// condition that nothing has changed since. A kubelet may write its own Node a hundred times a second, and
// would keep its pool's taints off for as long as it likes. What is new is appended, whatever else is there
// by now; what goes is named by what stands in its place. Pure.
import { isDeepStrictEqual } from 'node:util';
import type { NodeObject, Taint } from '../kubernetes/kinds.ts';

export interface NodePatch {
  readonly type: 'merge' | 'json';
  readonly body: object;
}

/**
 * First what only adds, so that nothing holds it up; then what takes away, or puts another value in place.
 */
export function taintPatches(
  { metadata: { uid }, spec }: NodeObject,
  wanted: readonly Taint[],
): readonly NodePatch[] {
  const found = spec?.taints ?? [];
  const without = (taints: readonly Taint[], others: readonly Taint[]) =>
    taints.filter((one) => others.every((other) => !isDeepStrictEqual(one, other)));
  const [leaving, coming] = [without(found, wanted), without(wanted, found)];
  const replaces = (taint: Taint) =>
    leaving.some(({ key, effect }) => key === taint.key && effect === taint.effect);
  const added = coming.filter((taint) => !replaces(taint));
  const replacing = coming.filter(replaces);
  const isThis = { op: 'test', path: '/metadata/uid', value: uid };
  const append = (taints: readonly Taint[]) =>
    taints.map((value) => ({ op: 'add', path: '/spec/taints/-', value }));
  const first =
    found.length > 0
      ? append(added)
      : [
          { op: 'test', path: '/spec/taints', value: null },
          { op: 'add', path: '/spec/taints', value: added },
        ];
  // From behind, so that the numbers of the others stay; what was appended lies behind all of them.
  const removals = leaving
    .map((taint) => ({ path: `/spec/taints/${found.indexOf(taint)}`, value: taint }))
    .toReversed()
    .flatMap(({ path, value }) => [
      { op: 'test', path, value },
      { op: 'remove', path },
    ]);
  const patches = [added.length > 0 ? first : [], [...removals, ...append(replacing)]];
  return patches.flatMap((operations) =>
    operations.length === 0 ? [] : [{ type: 'json', body: [isThis, ...operations] } as const],
  );
}
