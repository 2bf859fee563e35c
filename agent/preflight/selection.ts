// Turns the names after --only, --skip and --ignore into checks. A name is a check's code or id, or a group;
// the registry is the only list of names there is, and an unknown name is refused with the nearest known one.
import { Fault } from '../../protocol/catalogue/fault.ts';
import { nearest } from '../config/nearest.ts';
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
): { selected: readonly Check[]; leftOut: readonly CheckCode[]; ignored: ReadonlySet<CheckCode> } {
  const only = codesOf(checks, names.only ?? []);
  const skipped = codesOf(checks, names.skip ?? []);
  const isSelected = ({ code }: Check) => (only.size === 0 || only.has(code)) && !skipped.has(code);
  return {
    selected: checks.filter(isSelected),
    leftOut: checks.filter((check) => !isSelected(check)).map((check) => check.code),
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
  const meant = nearest(wanted, known) ?? '?';
  throw new Fault('CHECK_UNKNOWN', { name, nearest: meant, groups: groups.join(', ') });
}
