// What a setting of a pool is beside its schema: its flag, its texts, where it goes. It is said once,
// where the schema is (pool.ts, host.ts, network.ts); the CRD, the flags of regnodectl, `pool get`, the
// reference and the bug report come from there. A field of a pool that says nothing of this is refused as
// soon as the program starts.
import { z } from 'zod';
import type { Text } from '../catalogue/text.ts';

/** How the text behind a flag becomes the value, and how the value is shown: gateway/cli/setting-forms.ts. */
export type SettingForm =
  | 'text'
  | 'choice'
  | 'count'
  | 'duration'
  | 'bytes'
  | 'list'
  | 'ranges'
  | 'labels'
  | 'taints'
  | 'reservations'
  | 'evictions'
  | 'thresholds'
  | 'registries'
  | 'limits'
  | 'switch';

export interface Setting extends Text {
  readonly form: SettingForm;
  /** `--max-pods <n>`. */
  readonly flag?: string;
  /** A second flag of the same setting. */
  readonly secondFlag?: string;
  /** Of one without a flag: the command that changes it. */
  readonly changedBy?: string;
  /**
   * What somebody may write behind the flag; another value than the default. Tests and the reference use it.
   */
  readonly example: string;
  /** What holds when nothing is said and the schema has no default. */
  readonly unset?: Text;
  /** Whether the desired state of a host differs by it, or only what the gateway does. */
  readonly reaches: 'hosts' | 'gateway';
  /** Names are keys without values: what people call their things stays theirs. */
  readonly bugReport: 'value' | 'names' | 'never';
}

export interface PlacedSetting extends Setting {
  /** `kubelet.maxPods` */
  readonly path: string;
  readonly schema: z.ZodType;
  /** Of an enumeration. */
  readonly choices: readonly string[] | undefined;
}

const registry = z.registry<Setting>();

/** `schema`, with what people need of it. It comes last: a schema that is made from this one is another. */
export function setting<S extends z.ZodType>(schema: S, about: Setting): S {
  const described = schema.describe(`${about.en.charAt(0).toUpperCase()}${about.en.slice(1)}.`);
  registry.add(described, about);
  return described;
}

/** All settings below a schema, in the order of its fields. */
export function settingsOf(schema: z.ZodType, path = ''): readonly PlacedSetting[] {
  const about = registry.get(schema);
  const inner = unwrapped(schema);
  if (about !== undefined) {
    const choices = inner instanceof z.ZodEnum ? inner.options.map(String) : undefined;
    return [{ ...about, path, schema, choices }];
  }
  if (!(inner instanceof z.ZodObject)) throw new Error(`${path} is a field of a pool without setting()`);
  const shape = inner.shape as Readonly<Record<string, z.ZodType>>;
  return Object.entries(shape).flatMap(([name, field]) =>
    settingsOf(field, path === '' ? name : `${path}.${name}`),
  );
}

/** The value at `kubelet.maxPods` of a spec, or undefined. */
export function valueAt(spec: object, path: string): unknown {
  let place: unknown = spec;
  for (const name of path.split('.')) place = (place as Record<string, unknown> | undefined)?.[name];
  return place;
}

/** Puts a value there; the parts that lead to it are made. */
export function putAt(spec: Record<string, unknown>, path: string, value: unknown): void {
  const names = path.split('.');
  const last = names.pop() ?? '';
  let place = spec;
  for (const name of names) {
    place[name] ??= {};
    place = place[name] as Record<string, unknown>;
  }
  place[last] = value;
}

function unwrapped(schema: z.ZodType): z.ZodType {
  let inner: unknown = schema;
  while (inner instanceof z.ZodOptional || inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault) {
    inner = inner.unwrap();
  }
  return inner as z.ZodType;
}
