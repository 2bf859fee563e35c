// What of a plan restarts a kubelet or a containerd that runs, because the desired state or this agent's way
// to write it has changed: pure. A unit's restart waits together with every file that it would read, so that
// one that ends by itself meanwhile comes back with what it had. What somebody did by hand is never part of
// it, and what does not run is only started.
import { fingerprint } from '../drift/applied.ts';
import { hashOf } from '../plan/backups.ts';
import { kindOf } from '../plan/kind.ts';
import { kinds } from '../plan/kinds/index.ts';
import { olderConfiguration } from '../plan/kinds/unit.ts';
import type { Plan, Step } from '../plan/plan.ts';
import type { Resource, ResourceOf } from '../plan/resource.ts';

export interface PendingRestart {
  /** Changes exactly when what the units would be started with does. */
  readonly id: string;
  readonly units: readonly string[];
  /** Of the resources whose steps wait. */
  readonly keys: ReadonlySet<string>;
}

/**
 * `changes`: the steps of a plan without drift. `groups`: units that must not restart at any time,
 * each with all that is its own.
 */
export function pendingRestart(
  changes: readonly Step[],
  groups: readonly (readonly Resource[])[],
): PendingRestart | undefined {
  const units = changes.flatMap((step) =>
    step.action === 'make' && step.resource.kind === 'unit' && step.reason === olderConfiguration
      ? [step.resource]
      : [],
  );
  const waiting = groups.filter((group) => units.some((unit) => isOf(unit, group)));
  if (waiting.length === 0) return undefined;
  const stamps = units.filter((unit) => waiting.some((group) => isOf(unit, group)));
  return {
    id: hashOf(JSON.stringify(stamps.map(fingerprint))).slice(0, 16),
    units: stamps.map(({ name }) => name),
    keys: new Set(waiting.flat().map((resource) => kindOf(kinds, resource).identify(resource))),
  };
}

export function withoutPending(
  plan: Plan,
  pending: PendingRestart | undefined,
  drift: readonly Step[],
): Plan {
  if (pending === undefined) return plan;
  const steps = plan.steps.filter((step) => !pending.keys.has(step.key) || drift.includes(step));
  return { ...plan, steps };
}

function isOf(unit: ResourceOf<'unit'>, group: readonly Resource[]): boolean {
  return group.some((resource) => resource.kind === 'unit' && resource.name === unit.name);
}
