// English or Chinese: --language decides, else REGNODE_LANG (or REGNODE_LANGUAGE, as install.sh hands it on),
// else the locale of the shell.
import { type Language, languageNamed } from '../catalogue/fault.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export function languageOf(flag: string | undefined, environment: Environment): Language {
  const { REGNODE_LANG, REGNODE_LANGUAGE, LC_ALL, LC_MESSAGES, LANG } = environment;
  const asked = [flag, REGNODE_LANG, REGNODE_LANGUAGE, LC_ALL, LC_MESSAGES, LANG].find((value) => value);
  return languageNamed(asked ?? '');
}
