// From an agent's findings to conditions: of the RegisteredNode, and of the Node for everybody who watches
// Nodes. Pure, and quiet: the same findings give the same conditions, a patch is made only for what
// differs, an event only for news.
import type { HealthFinding } from '../../protocol/messages/health.ts';
import type { Note } from '../kubernetes/event-recorder.ts';
import type { NodeObject } from '../kubernetes/kinds.ts';
import type { Condition } from '../resources/registered-node.ts';
import { boundedFindings } from './report-bounds.ts';

/** What is not a finding any more stays, as False: somebody may wait for exactly that. */
const clearedReason = 'Cleared';

/** One condition a type, worst finding first; `findings` undefined: the agent has not said. */
export function healthConditions(
  before: readonly Condition[],
  findings: readonly HealthFinding[] | undefined,
  nowMs: number,
): readonly Condition[] {
  const old = before.filter(isHealth);
  if (findings === undefined) return old;
  const now = new Date(nowMs).toISOString();
  const taken = boundedFindings(
    findings,
    old.map(({ type }) => type),
  );
  const raised = [...new Set(taken.map(({ condition }) => condition))].map((type) => {
    const ofType = taken.filter(({ condition }) => condition === type);
    return raisedCondition(type, ofType, old, now);
  });
  const cleared = old
    .filter(({ type }) => raised.every((one) => one.type !== type))
    .map((condition) => clearedCondition(condition, now));
  return [...raised, ...cleared].toSorted((a, b) => a.type.localeCompare(b.type, 'en'));
}

function isHealth({ severity }: Condition): boolean {
  return severity !== undefined;
}

function raisedCondition(
  type: string,
  findings: readonly HealthFinding[],
  old: readonly Condition[],
  now: string,
): Condition {
  const [worst, ...others] = findings.toSorted(
    (a, b) =>
      Number(a.cause !== undefined) - Number(b.cause !== undefined) || a.severity.localeCompare(b.severity),
  );
  const { code = type, severity = 'warning', since = now, cause, message = '', remedy = '' } = worst ?? {};
  const also = others.length === 0 ? '' : ` Also: ${others.map((other) => other.code).join(', ')}.`;
  const known = old.find((one) => one.type === type && one.status === 'True');
  return {
    type,
    status: 'True',
    reason: code,
    message: `${cause === undefined ? '' : `Because of ${cause}: `}${message}${also} → ${remedy}`,
    lastTransitionTime: known?.lastTransitionTime ?? now,
    severity,
    since,
    ...(cause === undefined ? {} : { cause }),
  };
}

function clearedCondition(old: Condition, now: string): Condition {
  if (old.status === 'False') return old;
  const { type, severity, reason } = old;
  const message = `${reason} is over`;
  const cleared = { type, status: 'False', reason: clearedReason, message, lastTransitionTime: now } as const;
  return { ...cleared, ...(severity && { severity }) };
}

/** News for people: what was raised as its own cause, what has cleared. A consequence is no news. */
export function healthNotes(before: readonly Condition[], after: readonly Condition[]): readonly Note[] {
  return after.filter(isHealth).flatMap((condition): readonly Note[] => {
    const { status, reason, message = '', cause } = condition;
    const old = before.find((one) => one.type === condition.type);
    const isTold = old?.status === 'True' && old.cause === undefined;
    if (status === 'True' && cause === undefined && !(isTold && old.reason === reason)) {
      return [{ type: 'Warning', reason, message }];
    }
    if (status !== 'False' || !isTold) return [];
    return [{ type: 'Normal', reason, message }];
  });
}

/** A strategic merge patch of the Node's status, or undefined when the Node says the same already. */
export function nodeConditionsPatch(node: NodeObject, conditions: readonly Condition[]): object | undefined {
  const differing = conditions.filter(isHealth).filter(({ type, status, reason, message }) => {
    const old = node.status?.conditions?.find((one) => one.type === type);
    // A Node that never had it needs none that says False.
    if (old === undefined) return status === 'True';
    return old.status !== status || old.reason !== reason || old.message !== message;
  });
  if (differing.length === 0) return undefined;
  return {
    status: {
      conditions: differing.map(({ type, status, reason, message, lastTransitionTime }) => ({
        type,
        status,
        reason,
        message,
        lastTransitionTime,
        lastHeartbeatTime: lastTransitionTime,
      })),
    },
  };
}
