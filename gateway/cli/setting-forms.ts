// How each form of a pool's setting is written behind a flag: what commander makes of one text, what the
// given ones change of the value that is there, and how a value is shown. What is shown may be given back to
// the flag. `none` empties a list.

import { Fault } from '../../protocol/catalogue/fault.ts';
import type { Taint } from '../../protocol/grammar.ts';
import { defaultThresholds } from '../../protocol/line/thresholds.ts';
import type { Registry } from '../../protocol/settings/host.ts';
import type { SettingForm } from '../../protocol/settings/setting.ts';
import {
  byteCount,
  count,
  duration,
  parseLabels,
  parseTaints,
  requireRange,
  showByteCount,
  showDuration,
} from './parse.ts';
import { parseEviction, parseReserved, parseThresholds, showReserved } from './pool-kubelet-options.ts';
import { changedRegistries } from './pool-registries.ts';

/**
 * What was given behind a flag: the parsed text of one that holds once, all texts
 * of one that may be repeated.
 */
export type Given = string | number | true | readonly string[] | undefined;

interface Form {
  /** Behind a flag that holds once; without it the flag may be repeated. */
  readonly once?: (text: string) => string | number;
  change(given: Given, before: unknown, second: Given): unknown;
  /** Never of undefined. */
  show(value: never): readonly string[];
}

const asItIs = (text: string) => text;
const list = (given: Given) => (Array.isArray(given) ? (given as readonly string[]) : []);
const withoutNone = (given: Given) => list(given).filter((text) => text !== 'none');
const pairs = (value: object) => Object.entries(value).map(([name, of]) => `${name}=${of}`);

const text: Form = { once: asItIs, change: (given) => given, show: (value: string) => [value] };

export const settingForms: Readonly<Record<SettingForm, Form>> = {
  text,
  choice: text,
  count: { once: count, change: (given) => given, show: (value: number) => [String(value)] },
  duration: { once: duration, change: (given) => given, show: (value: number) => [showDuration(value)] },
  bytes: { once: byteCount, change: (given) => given, show: (value: number) => [showByteCount(value)] },
  switch: { once: asItIs, change: (given) => given === 'true', show: (value: boolean) => [String(value)] },
  list: { change: withoutNone, show: (value: readonly string[]) => value },
  ranges: {
    change: (given) => withoutNone(given).map(requireRange),
    show: (value: readonly string[]) => value,
  },
  labels: {
    change: (given, before) => changedLabels(list(given), (before ?? {}) as Readonly<Record<string, string>>),
    show: pairs,
  },
  taints: {
    change: (given, before) => changedTaints(list(given), (before ?? []) as readonly Taint[]),
    show: (taints: readonly Taint[]) =>
      taints.map(({ key, value, effect }) => `${key}${value ? `=${value}` : ''}:${effect}`),
  },
  reservations: {
    change: (given, before) => ({ ...(before as object | undefined), ...parseReserved(list(given)) }),
    show: showReserved,
  },
  evictions: {
    change: (given, before) => ({ ...(before as object | undefined), ...parseEviction(list(given)) }),
    show: pairs,
  },
  thresholds: {
    once: asItIs,
    change: (given) => parseThresholds(String(given)),
    show: (value: ReturnType<typeof parseThresholds>) => [
      `${value.highThresholdPercent}:${value.lowThresholdPercent}`,
    ],
  },
  registries: {
    change: (given, before, second) =>
      changedRegistries(
        given === undefined ? undefined : list(given),
        second === undefined ? undefined : list(second),
        (before ?? []) as readonly Registry[],
      ),
    show: (registries: readonly Registry[]) =>
      registries.flatMap(({ host, mirrors, caPem }) => [
        ...mirrors.map((url) => `${host}=${url}`),
        ...(caPem === undefined ? [] : [`${host} (own CA)`]),
      ]),
  },
  limits: {
    change: (given, before) => ({ ...(before as object | undefined), ...lineLimits(list(given)) }),
    show: pairs,
  },
};

function changedLabels(texts: readonly string[], before: Readonly<Record<string, string>>) {
  const labels = { ...before };
  for (const [key, value] of Object.entries(parseLabels(texts))) {
    if (value === null) delete labels[key];
    else labels[key] = value;
  }
  return labels;
}

function changedTaints(texts: readonly string[], before: readonly Taint[]) {
  const { set, remove } = parseTaints(texts);
  const isRemoved = (taint: { key: string; effect: string }) =>
    remove.some(({ key, effect }) => key === taint.key && (effect ?? taint.effect) === taint.effect);
  const isSet = (taint: { key: string; effect: string }) =>
    set.some(({ key, effect }) => key === taint.key && effect === taint.effect);
  return [...before.filter((taint) => !isRemoved(taint) && !isSet(taint)), ...set];
}

/** `rttMs=100` and the like; the schema says what each may be. */
function lineLimits(texts: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    texts.map((text) => {
      const [name = '', value = ''] = text.split('=');
      if (name in defaultThresholds && value.trim() !== '') return [name, Number(value)];
      const known = Object.keys(defaultThresholds).join(', ');
      throw new Fault('USAGE', { detail: `--line ${text}: LIMIT=NUMBER, of ${known}` });
    }),
  );
}
