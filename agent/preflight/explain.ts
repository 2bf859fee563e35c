// The documentation of a code, for `regnode explain CODE`: the codes of checks and of faults alike.

import { isFaultCode, type Language } from '../../protocol/catalogue/fault.ts';
import { catalogue } from '../../protocol/catalogue/index.ts';
import { type Rule, rules } from '../../protocol/compatibility/table.ts';
import { describeRange } from '../../protocol/compatibility/versions.ts';
import { type CheckCode, isCheckCode, messages } from './messages/index.ts';
import type { ProblemMessages } from './messages/shape.ts';

/** Which rows of the compatibility table a check goes by: those whose ids begin so. */
const rulesOfCheck: Partial<Record<CheckCode, RegExp>> = {
  KUBERNETES_VERSION: /^kubelet-(oldest|untried)$/,
  KERNEL_VERSION: /^kubelet-kernel/,
  CGROUP_VERSION: /^cgroup-/,
  CAPABILITIES: /^containerd-oom/,
  OPERATING_SYSTEM: /^containerd-c-library/,
  CILIUM_KERNEL: /^cilium-/,
};

/**
 * Case and dashes don't matter (`cpu-count` is CPU_COUNT, TunnelLost TUNNEL_LOST);
 * undefined when no such code exists.
 */
export function explainCode(name: string, language: Language): string | undefined {
  const words = name.trim().replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2');
  const code = words.toUpperCase().replaceAll('-', '_');
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
    ...tableRows(rulesOfCheck[code], language),
    ...problems.flatMap((problem) => [
      '',
      `- ${problem.message[language]}`,
      `  ${problem.remedy[language]}`,
      ...problem.commands.map((command) => `    $ ${command}`),
    ]),
  ].join('\n');
}

function tableRows(ids: RegExp | undefined, language: Language): string[] {
  const rows: readonly Rule[] = ids === undefined ? [] : rules.filter(({ id }) => ids.test(id));
  if (rows.length === 0) return [];
  return ['', ...rows.map((rule) => `  · ${describeSubject(rule)}: ${rule.reason[language]}`)];
}

function describeSubject({ subject, versions, kubelet, settings }: Rule): string {
  const beside = kubelet === undefined ? '' : `, kubelet ${describeRange(kubelet)}`;
  const set = Object.entries(settings ?? {}).map(([name, value]) => ` → ${name}=${value}`);
  return `${subject} ${describeRange(versions)}${beside}${set.join('')}`;
}
