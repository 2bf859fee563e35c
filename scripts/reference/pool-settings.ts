// docs/reference/pool-settings.md: what a NodePool may say, from the table of settings.
import { defaultOf } from '../../gateway/cli/pool-options.ts';
import { poolSettings } from '../../protocol/settings/pool.ts';
import { code, page, table } from './table.ts';

export function poolSettingsPage(): string {
  const rows = poolSettings.map((setting) => {
    const { path, flag, secondFlag, changedBy = '', en, zh, example, reaches, bugReport } = setting;
    const flags = [flag, secondFlag].filter((one) => one !== undefined).map(code);
    return [
      code(`spec.${path}`),
      flags.join('<br>') || code(changedBy),
      `${en}<br>${zh}`,
      defaultOf(setting),
      flag === undefined ? '' : code(example),
      reaches,
      bugReport,
    ];
  });
  return page(
    'Settings of a pool',
    'Fields of a NodePool with the flags of `regnodectl pool create` and `pool set`. A flag that is not given changes nothing. Hosts are changed by what reaches them; the bug report of a host holds a value, names only, or nothing.',
    table(['field', 'flag', 'meaning', 'default', 'example', 'reaches', 'bug report'], rows),
  );
}
