// Every setting of a pool, by the table alone: its flag changes it, what is shown may be given back, the CRD
// describes it, the hosts that it is for get it, and a bug report holds no more of it than the table says. A
// setting that misses one of these fails.
import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { reportedSettings } from '../../../../agent/bugreport/reported-settings.ts';
import { changedSpec } from '../../../../gateway/cli/pool-changes.ts';
import { fieldsOf } from '../../../../gateway/cli/pool-fields.ts';
import {
  defaultOf,
  optionsOf,
  type PoolFlags,
  withPoolOptions,
} from '../../../../gateway/cli/pool-options.ts';
import { desiredState } from '../../../../gateway/pools/desired-state.ts';
import { structuralSchema } from '../../../../gateway/resources/schema.ts';
import type { DesiredState } from '../../../../protocol/messages/desired.ts';
import { type PoolSpec, poolSettings, poolSpecSchema } from '../../../../protocol/settings/pool.ts';
import { type PlacedSetting, setting, settingsOf, valueAt } from '../../../../protocol/settings/setting.ts';
import { artifact, offered, store } from '../pool.ts';

const name = ({ path }: PlacedSetting) => path;
const all = poolSettings.map((one) => [one.path, one] as const);
const flagged = all.filter(([, { flag }]) => flag !== undefined);

/** As `pool create` reads its arguments. */
async function specBy(args: readonly string[], before?: Partial<PoolSpec>): Promise<PoolSpec> {
  let flags: PoolFlags = {};
  const command = withPoolOptions(new Command('create')).action((given: PoolFlags) => {
    flags = given;
  });
  command.parse([...args], { from: 'user' });
  return poolSpecSchema.parse(await changedSpec(flags, before ?? { kubernetesVersion: 'v1.20.2' }));
}

const flagOf = (one: PlacedSetting) => optionsOf(one)[0]?.long ?? '';
const shownOf = (spec: PoolSpec, one: PlacedSetting) => {
  const label = one.flag === undefined ? one.path : flagOf(one).slice(2);
  return fieldsOf({ metadata: { name: 'idc' }, spec }, spec).find(([field]) => field === label)?.[1];
};
/** Cilium's own settings are of pools that have it. */
const surroundings = (one: PlacedSetting) =>
  one.path === 'network.mode' || one.path.startsWith('network.cilium.') ? [] : ['--network', 'external'];

describe('a setting of a pool', () => {
  test.each(flagged)('%s: its flag changes it', async (path, one) => {
    const before = await specBy(surroundings(one));
    const after = await specBy([...surroundings(one), flagOf(one), one.example]);
    expect(valueAt(after, path)).not.toEqual(valueAt(before, path));
    const others = poolSettings.filter((other) => other.path !== path);
    const rest = (spec: PoolSpec) => others.map((other) => [other.path, valueAt(spec, other.path)]);
    expect(rest(after)).toEqual(rest(before));
  });

  test.each(flagged)('%s: what is shown may be given back', async (path, one) => {
    const spec = await specBy([...surroundings(one), flagOf(one), one.example]);
    if (one.path === 'network.mode') expect(shownOf(spec, one)).toBe(one.example);
    const shown = shownOf(spec, one) ?? '';
    const args = shown.split(', ').flatMap((text) => [flagOf(one), text]);
    expect(valueAt(await specBy([...surroundings(one), ...args]), path)).toEqual(valueAt(spec, path));
  });

  test.each(all)('%s: what nobody sets is shown as what holds', async (_path, one) => {
    const spec = await specBy(surroundings(one));
    expect(shownOf(spec, one)).not.toBe('');
    if (one.path !== 'kubernetesVersion') expect(shownOf(spec, one)).toContain(defaultOf(one));
  });

  test.each(all)('%s: the CRD describes it, and people can read it in both languages', (path, one) => {
    const schema = path.replaceAll('.', '.properties.');
    const part = valueAt(structuralSchema(poolSpecSchema), `properties.${schema}`);
    expect((part as { description?: string }).description?.toLowerCase()).toContain(one.en.toLowerCase());
    expect(one.zh).toMatch(/\p{Script=Han}/u);
    expect((one.flag === undefined) !== (one.changedBy === undefined)).toBe(true);
  });

  test.each(flagged)('%s: hosts get it if it is for them, and only then', async (_path, one) => {
    const more = offered([
      ...store.artifacts,
      artifact('containerd', '1.6.19'),
      artifact('runc', '1.0.9'),
      artifact('cni-plugins', '1.0.9'),
      artifact('agent', '0.0.9'),
    ]);
    const desired = async (args: readonly string[]) =>
      desiredState({ name: 'idc', spec: await specBy(args) }, {}, 'amd64', more);
    const before = await desired(surroundings(one));
    const after = await desired([...surroundings(one), flagOf(one), one.example]);
    expect(after.revision !== before.revision).toBe(one.reaches === 'hosts');
  });

  test.each(all)('%s: in the bug report as the table says', async (path, one) => {
    const args = one.flag === undefined ? [] : [...surroundings(one), flagOf(one), one.example];
    const spec = await specBy(args);
    const reported = valueAt(reportedSettings(spec as unknown as DesiredState), path);
    if (one.bugReport === 'value') expect(reported).toEqual(valueAt(spec, path));
    if (one.bugReport === 'never') expect(reported).toBeUndefined();
    if (one.bugReport === 'names') expect(JSON.stringify(reported)).toMatch(/"site"(?!.*"a")/);
  });
});

test('a field that says nothing of itself is refused', () => {
  const about = poolSettings[0];
  if (about === undefined) throw new Error('no settings');
  const good = setting(z.string().optional(), about);
  expect(settingsOf(z.strictObject({ part: z.strictObject({ good }).prefault({}) })).map(name)).toEqual([
    'part.good',
  ]);
  expect(() => settingsOf(z.strictObject({ part: z.strictObject({ bare: z.string() }) }))).toThrow(
    'part.bare',
  );
  // A schema made from one with a setting is another.
  expect(() => settingsOf(z.strictObject({ late: good.optional() }))).toThrow('late');
});

test('no two settings have one flag', () => {
  const flags = poolSettings.flatMap((one) => optionsOf(one).map(({ long }) => long));
  expect(flags.filter((flag, index) => flags.indexOf(flag) !== index)).toEqual([]);
});
