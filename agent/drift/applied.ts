// What was made on this host, resource by resource, as hashes. A step of a plan whose resource is still
// the one that was made is drift: somebody changed the host. Any other step is a change of the desired
// state. The file is written before a change (without what is going to change) and after it; without it
// everything counts as such a change.
import { z } from 'zod';
import { paths } from '../config/paths.ts';
import type { Host } from '../host/host.ts';
import { hashOf } from '../plan/backups.ts';
import type { Plan, Step } from '../plan/plan.ts';
import type { Resource } from '../plan/resource.ts';

/** Key of the resource → hash of it. */
export type Applied = Readonly<Record<string, string>>;

const fileSchema = z.object({ version: z.literal(1), applied: z.record(z.string(), z.string()) });

export async function readApplied(host: Host): Promise<Applied> {
  const text = await host.files.readText(paths.applied);
  if (text === undefined) return {};
  try {
    return fileSchema.parse(JSON.parse(text)).applied;
  } catch {
    return {};
  }
}

export async function writeApplied(host: Host, applied: Applied): Promise<void> {
  await host.files.write(paths.applied, `${JSON.stringify({ version: 1, applied })}\n`, { mode: 0o600 });
}

/** Never the content of a file: it may be a secret. */
export function fingerprint(resource: Resource): string {
  return hashOf(JSON.stringify(resource)).slice(0, 16);
}

function isDrift(step: Step, applied: Applied): boolean {
  return step.action === 'make' && applied[step.key] === fingerprint(step.resource);
}

export interface SortedPlan {
  /** What the desired state asks for anew. */
  readonly changes: Plan;
  readonly drift: readonly Step[];
}

export function sortPlan(plan: Plan, applied: Applied): SortedPlan {
  const drift = plan.steps.filter((step) => isDrift(step, applied));
  return { drift, changes: { ...plan, steps: plan.steps.filter((step) => !drift.includes(step)) } };
}

export function withoutSteps(applied: Applied, steps: readonly Step[]): Applied {
  const changing = new Set(steps.map(({ key }) => key));
  return Object.fromEntries(Object.entries(applied).filter(([key]) => !changing.has(key)));
}
