// The flags of `pool create`, `pool set` and `pool upgrade`, made from the table of settings
// (protocol/settings/pool.ts). A flag that is not given changes nothing (pool-changes.ts).
import { type Command, Option } from 'commander';
import type { Language } from '../../protocol/catalogue/fault.ts';
import { defaultPoolSpec, poolSettings } from '../../protocol/settings/pool.ts';
import { type PlacedSetting, valueAt } from '../../protocol/settings/setting.ts';
import { ownLanguage, say } from './language.ts';
import { collect } from './parse.ts';
import { type Given, settingForms } from './setting-forms.ts';

/** By commander's name of the flag: `--max-pods` is `maxPods`. */
export type PoolFlags = Readonly<Record<string, Given>>;

/** Of all settings, or of those at the given paths. */
export function withPoolOptions(command: Command, paths?: readonly string[]): Command {
  const language = ownLanguage();
  for (const setting of poolSettings) {
    if (paths !== undefined && !paths.includes(setting.path)) continue;
    for (const option of optionsOf(setting, language)) command.addOption(option);
  }
  return command;
}

export function optionsOf(setting: PlacedSetting, language: Language = 'en'): readonly Option[] {
  const { flag, secondFlag, choices, form } = setting;
  const { once } = settingForms[form];
  return [flag, secondFlag].flatMap((flags) => {
    if (flags === undefined) return [];
    const option = new Option(flags, helpOf(setting, language));
    if (choices !== undefined) return [option.choices(choices)];
    return [once ? option.argParser(once) : option.argParser(collect)];
  });
}

/** `pods per node (default: 110)` */
function helpOf(setting: PlacedSetting, language: Language): string {
  const repeated = settingForms[setting.form].once === undefined;
  const words = {
    en: { repeated: ', may be repeated', by: (text: string) => ` (default: ${text})` },
    zh: { repeated: '，可重复', by: (text: string) => `（默认：${text}）` },
  }[language];
  const standing = defaultOf(setting, language);
  return `${say(setting, language)}${repeated ? words.repeated : ''}${words.by(standing)}`;
}

/** What holds when nobody says anything. */
export function defaultOf({ path, form, unset, schema }: PlacedSetting, language: Language = 'en'): string {
  if (unset !== undefined) return say(unset, language);
  const value = valueAt(defaultPoolSpec, path);
  if (value === undefined || !schema.safeParse(undefined).success) return '-';
  return settingForms[form].show(value as never).join(', ');
}

/** What was given to the flags of a setting. */
export function givenTo(setting: PlacedSetting, flags: PoolFlags): readonly [first: Given, second: Given] {
  const [first, second] = optionsOf(setting).map((option) => flags[option.attributeName()]);
  return [first, second];
}
