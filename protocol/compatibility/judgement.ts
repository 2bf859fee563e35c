// Asks the table: whether a version may be had on a host and why, which of several is the best, which
// settings a pair needs. Pure.
import { type HostTraits, holds } from './host-traits.ts';
import { type Rule, type RuleId, rules, type Subject } from './table.ts';
import { describeRange, isAtLeast, isWithin } from './versions.ts';

export interface Situation {
  readonly host: HostTraits;
  /** Of the pool: the kubelet's, which is the cluster's. */
  readonly kubeletVersion?: string | undefined;
}

export interface Judgement {
  readonly verdict: Rule['verdict'];
  /** Those that hold here, in the order of the table. */
  readonly rules: readonly Rule[];
  readonly settings: Readonly<Record<string, boolean | string>>;
}

const allRules: readonly Rule[] = rules;
const order = ['allowed', 'discouraged', 'refused'] as const;

export function judge(subject: Subject, version: string, situation: Situation): Judgement {
  const here = rulesFor(subject, situation).filter((rule) => isWithin(version, rule.versions));
  const worst = Math.max(0, ...here.map(({ verdict }) => order.indexOf(verdict)));
  return {
    verdict: order[worst] ?? 'allowed',
    rules: here,
    settings: Object.assign({}, ...here.map(({ settings }) => settings)) as Judgement['settings'],
  };
}

/** Every rule about the subject whose conditions hold, for whichever version. */
function rulesFor(subject: Subject, { host, kubeletVersion }: Situation): readonly Rule[] {
  return allRules.filter(
    (rule) =>
      rule.subject === subject &&
      holds(rule.host, host) &&
      (rule.kubelet === undefined ||
        (kubeletVersion !== undefined && isWithin(kubeletVersion, rule.kubelet))),
  );
}

/** The newest that is allowed; else the newest that is only discouraged. */
export function bestVersion(
  subject: Subject,
  versions: readonly string[],
  situation: Situation,
): string | undefined {
  for (const verdict of ['allowed', 'discouraged'] as const) {
    const fitting = versions.filter((version) => judge(subject, version, situation).verdict === verdict);
    const [first, ...rest] = fitting;
    if (first !== undefined) return rest.reduce((best, one) => (isAtLeast(best, one) ? best : one), first);
  }
  return undefined;
}

/**
 * Of which versions a host can have some, for people: `< 1.18 ≥ 1.15`, or undefined when it can have none.
 */
export function describeAllowed(subject: Subject, situation: Situation): string | undefined {
  const refused = rulesFor(subject, situation).filter(({ verdict }) => verdict === 'refused');
  if (refused.some(({ versions }) => versions.atLeast === undefined && versions.below === undefined))
    return undefined;
  const least = refused.flatMap(({ versions }) => versions.below ?? []);
  const limit = refused.flatMap(({ versions }) => versions.atLeast ?? []);
  const newest = (a: string, b: string) => (isAtLeast(a, b) ? a : b);
  const oldest = (a: string, b: string) => (isAtLeast(a, b) ? b : a);
  return describeRange({
    ...(least.length > 0 ? { atLeast: least.reduce(newest) } : {}),
    ...(limit.length > 0 ? { below: limit.reduce(oldest) } : {}),
  });
}

export function ruleOf(id: RuleId): Rule {
  const found = allRules.find((rule) => rule.id === id);
  if (found === undefined) throw new Error(`no rule ${id}`);
  return found;
}
