// What a bug report says of the pool's settings that reached this host: the table of settings decides for
// each, and what it does not name stays on the host.
import type { DesiredState } from '../../protocol/messages/desired.ts';
import { poolSettings } from '../../protocol/settings/pool.ts';
import { putAt, valueAt } from '../../protocol/settings/setting.ts';

export function reportedSettings(desired: DesiredState): object {
  const reported: Record<string, unknown> = {};
  for (const { path, bugReport } of poolSettings) {
    const value = valueAt(desired, path);
    if (value === undefined || bugReport === 'never') continue;
    putAt(reported, path, bugReport === 'names' ? namesOf(value) : value);
  }
  return reported;
}

/** Keys of labels; keys and effects of taints. */
function namesOf(value: unknown): unknown {
  if (!Array.isArray(value)) return Object.keys(value as object);
  return (value as DesiredState['taints']).map(({ key, effect }) => ({ key, effect }));
}
