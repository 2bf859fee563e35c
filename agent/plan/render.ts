// A plan for people and for programs. The text is a list with a diff below each file; the JSON has a schema
// version and never the content of a file. A step that undoes what somebody did by hand says so.
import type { DriftPolicy } from '../../protocol/messages/desired.ts';
import type { StandingDrift } from './drop-ins.ts';
import type { Plan, Step } from './plan.ts';

/** 2: each step says whether it is drift, and whether the daemon would do it. */
const planSchemaVersion = 2;

export interface DriftMarks {
  readonly drift: readonly Step[];
  readonly policy: DriftPolicy;
  /** Found, and no step of any plan. */
  readonly onlyTold: readonly StandingDrift[];
}

const noDrift: DriftMarks = { drift: [], policy: 'repair', onlyTold: [] };

export function renderPlan(plan: Plan, color: boolean, marks: DriftMarks = noDrift): string {
  const paint = (code: number, text: string) => (color ? `\u001b[${code}m${text}\u001b[0m` : text);
  const lines: string[] = [];
  for (const step of plan.steps) {
    const note = marks.drift.includes(step) ? driftNote(marks.policy) : '';
    lines.push(`${step.action === 'make' ? '+' : '-'} ${step.title}  (${step.reason})${note}`);
    for (const line of step.diff) {
      const code = line.startsWith('+') ? 32 : line.startsWith('-') ? 31 : 0;
      lines.push(`      ${code === 0 ? line : paint(code, line)}`);
    }
  }
  for (const { key, reason } of marks.onlyTold) lines.push(`! ${key}  (${reason})  [drift: only told]`);
  for (const { title, reason } of plan.skipped) lines.push(`  [skip] ${title}  (${reason})`);
  return lines.map((line) => `${line}\n`).join('');
}

export function planToJson(plan: Plan, { drift, policy, onlyTold }: DriftMarks = noDrift): unknown {
  return {
    schema: planSchemaVersion,
    driftPolicy: policy,
    steps: plan.steps.map((step) => {
      const { action, key, title, reason, diff } = step;
      const isDrift = drift.includes(step);
      const willBeDone = !isDrift || policy === 'repair';
      return { action, key, title, reason, diff, drift: isDrift, willBeDone };
    }),
    onlyTold,
    skipped: plan.skipped,
  };
}

function driftNote(policy: DriftPolicy): string {
  return policy === 'repair' ? '  [drift: will be set back]' : '  [drift: the pool says to leave it]';
}
