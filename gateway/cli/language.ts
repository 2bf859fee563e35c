// regnodectl and regnode-gateway speak the language of their environment; they have no flag for it.
import type { Language } from '../../protocol/catalogue/fault.ts';
import type { Text } from '../../protocol/catalogue/text.ts';
import { languageOf } from '../../protocol/cli/language.ts';

export function ownLanguage(): Language {
  return languageOf(undefined, process.env);
}

export function say(text: Text, language: Language = ownLanguage()): string {
  return text[language];
}
