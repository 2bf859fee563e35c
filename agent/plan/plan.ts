// From what is desired and what is there to the steps between: pure. An empty list of steps is the proof that
// the host is as it should be. What the journal says we made and nobody wants any more is withdrawn, last
// made first; notes and archives stay for the leave, and unpacked versions as long as they are the way back.
import { paths } from '../config/paths.ts';
import type { JournaledThing } from './fold.ts';
import { kindOf } from './kind.ts';
import { kinds } from './kinds/index.ts';
import type { Resource, ResourceKind } from './resource.ts';

export interface Observation {
  readonly resource: Resource;
  readonly observed: unknown;
}

export interface MakeStep {
  readonly action: 'make';
  readonly key: string;
  readonly title: string;
  readonly reason: string;
  readonly diff: readonly string[];
  readonly resource: Resource;
}

export interface WithdrawStep {
  readonly action: 'withdraw';
  readonly key: string;
  readonly title: string;
  readonly reason: string;
  readonly diff: readonly string[];
  readonly thing: JournaledThing;
}

export type Step = MakeStep | WithdrawStep;

export interface Plan {
  readonly steps: readonly Step[];
  /** What this host cannot have, each with why; not an error. */
  readonly skipped: readonly { readonly key: string; readonly title: string; readonly reason: string }[];
}

/** A folder there is of one registry: a pool may name others every day. */
const passingFolders = `directory:${paths.registries}/`;
const withdrawable: readonly string[] = ['file', 'link', 'sysctl', 'unit'] satisfies ResourceKind[];

/** `kept`: keys of trees that stay although nobody wants them; without it all trees stay. */
export function planChanges(
  observations: readonly Observation[],
  journaled: ReadonlyMap<string, JournaledThing>,
  kept?: ReadonlySet<string>,
): Plan {
  const steps: Step[] = [];
  const skipped: { key: string; title: string; reason: string }[] = [];
  const desired = new Set<string>();
  for (const { resource, observed } of observations) {
    const kind = kindOf(kinds, resource);
    const key = kind.identify(resource);
    const title = kind.title(resource);
    desired.add(key);
    const verdict = kind.compare(resource, observed, journaled.has(key));
    if (verdict.state === 'skipped') skipped.push({ key, title, reason: verdict.reason });
    if (verdict.state !== 'wrong') continue;
    steps.push({ action: 'make', key, title, reason: verdict.reason, diff: verdict.diff ?? [], resource });
  }
  const undesired = [...journaled.values()].filter((thing) => !desired.has(thing.key)).toReversed();
  const isLeft = ({ key, kind }: JournaledThing) =>
    kind === 'tree'
      ? kept !== undefined && !kept.has(key)
      : withdrawable.includes(kind) || key.startsWith(passingFolders);
  for (const thing of undesired.filter(isLeft)) {
    const { key } = thing;
    steps.push({
      action: 'withdraw',
      key,
      title: `take back ${key}`,
      reason: 'not desired any more',
      diff: [],
      thing,
    });
  }
  return { steps, skipped };
}
