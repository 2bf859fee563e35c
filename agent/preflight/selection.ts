// Turns the names after --only, --skip and --ignore into checks. A name is a check's code or id, or a group; the
// registry is the only list of names there is, and an unknown name is refused with the nearest known one.
import { Fault } from '../../protocol/fault.ts';
import { type Check, groups } from './check.ts';
import type { CheckCode } from './messages/index.ts';

interface Names {
  readonly only?: readonly string[];
  readonly skip?: readonly string[];
  readonly ignore?: readonly string[];
}

export function selectChecks(
  checks: readonly Check[],
  names: Names,
): { selected: readonly Check[]; ignored: ReadonlySet<CheckCode> } {
  const only = codesOf(checks, names.only ?? []);
  const skipped = codesOf(checks, names.skip ?? []);
  return {
    selected: checks.filter((check) => (only.size === 0 || only.has(check.code)) && !skipped.has(check.code)),
    ignored: codesOf(checks, names.ignore ?? []),
  };
}

function codesOf(checks: readonly Check[], names: readonly string[]): ReadonlySet<CheckCode> {
  return new Set(names.flatMap((name) => matching(checks, name).map((check) => check.code)));
}

function matching(checks: readonly Check[], name: string): readonly Check[] {
  const wanted = name.trim().toLowerCase().replaceAll('_', '-');
  const found = checks.filter((check) => check.id === wanted || check.group === wanted);
  if (found.length > 0) return found;
  const known = [...checks.map((check) => check.id), ...groups];
  throw new Fault('CHECK_UNKNOWN', { name, nearest: nearest(wanted, known) });
}

function nearest(wanted: string, known: readonly string[]): string {
  const byDistance = known.toSorted((a, b) => distance(wanted, a) - distance(wanted, b));
  return byDistance[0] ?? '';
}

/** Levenshtein's distance: how many letters to change, add or drop. */
export function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...b].entries()) {
      next.push(
        Math.min((row[j] ?? 0) + (letter === other ? 0 : 1), (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1),
      );
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
