// What is different now from when the broken hop, and those before it, last worked. Pure.
import { type HopName, hopNames } from './hops.ts';
import type { DoctorRecord } from './record.ts';
import type { DoctorReport } from './report-schema.ts';
import type { Values } from './values.ts';

export function changesSince(
  record: DoctorRecord,
  values: Readonly<Record<HopName, Values>>,
  broken: HopName,
): DoctorReport['changes'] {
  const upTo = hopNames.slice(0, hopNames.indexOf(broken) + 1);
  return upTo.flatMap((hop) => {
    const before = record.hops[hop]?.values;
    if (before === undefined) return [];
    const now = values[hop];
    const names = [...new Set([...Object.keys(before), ...Object.keys(now)])];
    return names
      .map((what) => ({ hop, what, was: before[what] ?? 'unknown', is: now[what] ?? 'unknown' }))
      .filter(({ was, is }) => was !== is);
  });
}
