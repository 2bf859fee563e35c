// English or Chinese: REGNODE_LANG decides, else LC_ALL, LC_MESSAGES, LANG.
import { type Language, languageNamed } from '../../protocol/catalogue/fault.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export function languageOf(environment: Environment = process.env): Language {
  const { REGNODE_LANG, LC_ALL, LC_MESSAGES, LANG } = environment;
  const chosen = [REGNODE_LANG, LC_ALL, LC_MESSAGES, LANG].find((value) => value) ?? '';
  return languageNamed(chosen);
}

/** One sentence in both languages. */
export interface Text {
  readonly en: string;
  readonly zh: string;
}

export function say(text: Text, language: Language = languageOf()): string {
  return text[language];
}
