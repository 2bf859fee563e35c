// What `pool get` shows of a pool: its status, and every setting by the name of its flag.
import { type PoolSpec, poolSettings } from '../../protocol/settings/pool.ts';
import { type PlacedSetting, valueAt } from '../../protocol/settings/setting.ts';
import { ciliumVersion } from '../cilium/desired.ts';
import type { PoolObject } from '../resources/node-pool.ts';
import { ownLanguage } from './language.ts';
import { defaultOf } from './pool-options.ts';
import { progressOf } from './rollout-watch.ts';
import { settingForms } from './setting-forms.ts';

export function fieldsOf(pool: PoolObject, spec: PoolSpec): [name: string, value: string][] {
  const { nodes = 0, connected = 0, ready = 0 } = pool.status ?? {};
  const withoutCilium = spec.network.mode !== 'cilium';
  return [
    ['name', pool.metadata.name],
    ['nodes', `${nodes} of at most ${spec.maxNodes}, ${connected} connected, ${ready} ready`],
    ['rollout', pool.status?.rollout ? progressOf(pool.status.rollout) : '-'],
    ...poolSettings
      .filter(({ path }) => !(withoutCilium && path.startsWith('network.cilium.')))
      .map((setting): [string, string] => [nameOf(setting), shown(setting, spec)]),
  ];
}

/** `--max-pods <n>` is `max-pods`: what somebody reads here is what he may change. */
function nameOf({ flag, path }: PlacedSetting): string {
  return flag === undefined ? path : (/^--([a-z-]+)/.exec(flag)?.[1] ?? path);
}

function shown(setting: PlacedSetting, spec: PoolSpec): string {
  const value = valueAt(spec, setting.path);
  const texts = value === undefined ? [] : settingForms[setting.form].show(value as never);
  if (texts.length > 0) return texts.join(', ');
  const unset = defaultOf(setting, ownLanguage());
  return setting.path === 'network.cilium.version' ? `${ciliumVersion(spec)} (${unset})` : unset;
}
