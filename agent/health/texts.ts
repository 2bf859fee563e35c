// The words of a finding in the reader's language: from the catalogue, or from the texts of the preflight
// check that is asked again. A code of another release is told as it was reported.
import { Fault, fill, isFaultCode, type Language } from '../../protocol/catalogue/fault.ts';
import type { HealthFinding } from '../../protocol/messages/health.ts';
import { isCheckCode, problemMessages } from '../preflight/messages/index.ts';

type Told = Pick<HealthFinding, 'code' | 'values'> & {
  readonly problem?: string | undefined;
  readonly message?: string;
  readonly remedy?: string;
};

export function textsOf(told: Told, language: Language): { message: string; remedy: string } {
  const { code, values } = told;
  if (isCheckCode(code)) {
    const texts = problemMessages(code, told.problem ?? '');
    if (texts !== undefined) {
      const commands = texts.commands.map((command) => fill(command, values));
      const remedy = [fill(texts.remedy[language], values), ...commands].join(' · ');
      return { message: fill(texts.message[language], values), remedy: remedy.slice(0, 1024) };
    }
  }
  if (isFaultCode(code)) return new Fault(code, values).explain(language);
  return { message: told.message ?? code, remedy: told.remedy ?? '' };
}
