// A plan for people and for programs. The text is a list with a diff below each file; the JSON has a schema
// version and never the content of a file.
import type { Plan } from './plan.ts';

export const planSchemaVersion = 1;

export function renderPlan(plan: Plan, color: boolean): string {
  const paint = (code: number, text: string) => (color ? `\u001b[${code}m${text}\u001b[0m` : text);
  const lines: string[] = [];
  for (const step of plan.steps) {
    lines.push(`${step.action === 'make' ? '+' : '-'} ${step.title}  (${step.reason})`);
    for (const line of step.diff) {
      const code = line.startsWith('+') ? 32 : line.startsWith('-') ? 31 : 0;
      lines.push(`      ${code === 0 ? line : paint(code, line)}`);
    }
  }
  for (const { title, reason } of plan.skipped) lines.push(`  [skip] ${title}  (${reason})`);
  return lines.map((line) => `${line}\n`).join('');
}

export function planToJson(plan: Plan): unknown {
  return {
    schema: planSchemaVersion,
    steps: plan.steps.map(({ action, key, title, reason, diff }) => ({ action, key, title, reason, diff })),
    skipped: plan.skipped,
  };
}
