// The documentation of a code, for `regnode explain CODE`: the codes of checks and of faults alike.
import { catalogue } from '../../protocol/catalogue/index.ts';
import { isFaultCode, type Language } from '../../protocol/fault.ts';
import { type CheckCode, isCheckCode, messages } from './messages/index.ts';
import type { ProblemMessages } from './messages/shape.ts';

/** Case and dashes don't matter (`cpu-count` is CPU_COUNT); undefined when no such code exists. */
export function explainCode(name: string, language: Language): string | undefined {
  const code = name.trim().toUpperCase().replaceAll('-', '_');
  if (isCheckCode(code)) return explainCheck(code, language);
  if (!isFaultCode(code)) return undefined;
  const { message, remedy } = catalogue[code][language];
  return [code, '', message, remedy].join('\n');
}

function explainCheck(code: CheckCode, language: Language): string {
  const { title, why } = messages[code];
  const problems: readonly ProblemMessages[] = Object.values(messages[code].problems);
  return [
    `${code} · ${title[language]}`,
    '',
    why[language],
    ...problems.flatMap((problem) => [
      '',
      `- ${problem.message[language]}`,
      `  ${problem.remedy[language]}`,
      ...problem.commands.map((command) => `    $ ${command}`),
    ]),
  ].join('\n');
}
