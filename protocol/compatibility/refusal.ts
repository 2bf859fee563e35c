// A version that the table refuses, as the coded fault that names the rule and its reason.
import { Fault } from '../catalogue/fault.ts';
import { judge, type Situation } from './judgement.ts';
import type { Subject } from './table.ts';

export function requireCompatible(component: Subject, version: string, situation: Situation): void {
  const rule = judge(component, version, situation).rules.find(({ verdict }) => verdict === 'refused');
  if (rule === undefined) return;
  throw new Fault('VERSION_INCOMPATIBLE', {
    component,
    version,
    rule: rule.id,
    reason: `${rule.reason.en} (${rule.reason.zh})`,
  });
}
