// Values of regnodectl's flags and arguments: durations, labels, taints, node names. What is wrong is
// a USAGE fault that names it.

import { InvalidArgumentError } from 'commander';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { labelKeySchema, labelValueSchema, type Taint, taintEffectSchema } from '../../protocol/grammar.ts';
import { parseRange } from '../resources/address.ts';

const unitsMs = { s: 1000, m: 60_000, h: 3600_000, d: 24 * 3600_000 } as const;

/** `90s`, `30m`, `1h30m`, `7d` → milliseconds; for commander's option parser. */
export function duration(text: string): number {
  if (!/^(\d{1,6}[smhd])+$/.test(text)) throw new InvalidArgumentError('a duration such as 30m, 24h or 7d');
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+)([smhd])/g)) {
    total += Number(amount) * unitsMs[unit as keyof typeof unitsMs];
  }
  return total;
}

/** A time as Kubernetes writes it, or a duration from now on → milliseconds since 1970. */
export function moment(text: string, nowMs: number): number {
  if (!/^\d{4}-\d{2}-\d{2}T/.test(text)) return nowMs + duration(text);
  const at = Date.parse(text);
  if (Number.isNaN(at)) throw new InvalidArgumentError('a time such as 2027-12-01T00:00:00Z');
  if (at <= nowMs) throw new InvalidArgumentError('a time that is to come');
  return at;
}

/** `1h30m`; what is no whole number of seconds keeps its fraction, which no flag can say. */
export function showDuration(ms: number): string {
  let rest = ms;
  const parts: string[] = [];
  for (const unit of ['d', 'h', 'm'] as const) {
    const amount = Math.floor(rest / unitsMs[unit]);
    if (amount > 0) parts.push(`${amount}${unit}`);
    rest -= amount * unitsMs[unit];
  }
  if (rest > 0 || parts.length === 0) parts.push(`${rest / 1000}s`);
  return parts.join('');
}

export function count(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('a whole number');
  return Number(text);
}

const units: Readonly<Record<string, number>> = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 };

export function byteCount(text: string): number {
  const [, amount, unit = ''] = /^(\d{1,12})([KMG]?)$/i.exec(text) ?? [];
  if (amount === undefined) throw new InvalidArgumentError('a number of bytes such as 500K or 10M');
  return Number(amount) * (units[unit.toUpperCase()] ?? 1);
}

/** `10M`, in the largest unit of which it is a whole number. */
export function showByteCount(bytes: number): string {
  const [unit, size] = Object.entries(units).findLast(([, size]) => bytes % size === 0) ?? ['', 1];
  return `${bytes / size}${unit}`;
}

/** For options that may be given several times. */
export function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

/** `10.77.0.0/16`; one address is a range as well. */
export function requireRange(text: string): string {
  const range = parseRange(text);
  if (range) return range.text;
  throw new Fault('USAGE', { detail: `"${text}" is no range of addresses: 10.77.0.0/16, or one address` });
}

const isKey = (text: string) => labelKeySchema.safeParse(text).success;
const isValue = (text: string) => labelValueSchema.safeParse(text).success;

/** Key → value to set, or null to take away. */
export type LabelChanges = Readonly<Record<string, string | null>>;

/** `key=value` sets, `key-` takes away. */
export function parseLabels(texts: readonly string[]): LabelChanges {
  const changes: Record<string, string | null> = {};
  for (const text of texts) {
    const [key = '', value] = split(text, '=');
    const name = value === undefined && key.endsWith('-') ? key.slice(0, -1) : key;
    if (!isKey(name) || (value === undefined && name === key) || !isValue(value ?? '')) {
      throw new Fault('USAGE', { detail: `"${text}" is no label: KEY=VALUE, or KEY- to take it away` });
    }
    changes[name] = value ?? null;
  }
  return changes;
}

export interface TaintChanges {
  readonly set: readonly Taint[];
  /** Without effect: all of that key. */
  readonly remove: readonly { key: string; effect?: string }[];
}

/** `key[=value]:Effect` sets, `key[:Effect]-` takes away. */
export function parseTaints(texts: readonly string[]): TaintChanges {
  const set: Taint[] = [];
  const remove: { key: string; effect?: string }[] = [];
  for (const text of texts) {
    const wrong = () =>
      new Fault('USAGE', { detail: `"${text}" is no taint: KEY[=VALUE]:EFFECT, or KEY[:EFFECT]-` });
    const removing = text.endsWith('-');
    const [pair = '', effect] = split(removing ? text.slice(0, -1) : text, ':');
    const [key = '', value] = split(pair, '=');
    const known = taintEffectSchema.safeParse(effect);
    if (!isKey(key) || !isValue(value ?? '')) throw wrong();
    if (effect !== undefined && !known.success) throw wrong();
    if (removing) remove.push({ key, ...(effect === undefined ? {} : { effect }) });
    else if (known.success) set.push({ key, ...(value ? { value } : {}), effect: known.data });
    else throw wrong();
  }
  return { set, remove };
}

/** Node names and changes come in one list of arguments: a change has `=` or `:` in it, or ends in `-`. */
export function separate(texts: readonly string[]): { names: string[]; changes: string[] } {
  const isChange = (text: string) => /[=:]|-$/.test(text);
  return { names: texts.filter((text) => !isChange(text)), changes: texts.filter(isChange) };
}

function split(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
