// What the options of `pool create` and `pool set` change of a pool's spec.
import { type PoolSpecInput, poolSettings } from '../../protocol/settings/pool.ts';
import { putAt, valueAt } from '../../protocol/settings/setting.ts';
import { requireNoCredential } from '../../protocol/url-credential.ts';
import { givenTo, type PoolFlags } from './pool-options.ts';
import { settingForms } from './setting-forms.ts';

/** The settings whose change is a rollout. */
export const versionPaths = poolSettings
  .map(({ path }) => path)
  .filter((path) => path === 'kubernetesVersion' || path.startsWith('componentVersions.'));

/**
 * A spec as the flags want it; `before` is what the lists and maps are changed from.
 * It has not been judged yet.
 */
export async function changedSpec(
  flags: PoolFlags,
  before: Partial<PoolSpecInput> = {},
): Promise<Record<string, unknown>> {
  const spec = structuredClone(before) as Record<string, unknown>;
  for (const setting of poolSettings) {
    const [given, second] = givenTo(setting, flags);
    if (given === undefined && second === undefined) continue;
    if (setting.form === 'list' && Array.isArray(given)) {
      for (const text of given)
        requireNoCredential(String(text), setting.flag?.split(' ')[0] ?? setting.path);
    }
    const changed = await settingForms[setting.form].change(given, valueAt(before, setting.path), second);
    putAt(spec, setting.path, isUnpinned(setting.path, given) ? undefined : changed);
  }
  // What failed with other versions says nothing about these.
  if (namesVersions(flags)) putAt(spec, 'upgrade.toleratedFailures', 0);
  return spec;
}

export function namesVersions(flags: PoolFlags): boolean {
  return poolSettings.some(
    (setting) => versionPaths.includes(setting.path) && givenTo(setting, flags)[0] !== undefined,
  );
}

/** A component's version is what the store suggests again. */
function isUnpinned(path: string, given: unknown): boolean {
  return path.startsWith('componentVersions.') && (given === 'default' || given === 'none');
}
