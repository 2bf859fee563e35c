// Which version of each component this host uses: pure. A new one is tried, one component after the other,
// and stays only when it has proven itself; one that failed is remembered with its reason and not tried
// again until the desired state names another or the attempt changes. What is remembered lies in state.json
// and is written before the act.
import { z } from 'zod';
import { type Artifact, artifactSchema, type DesiredState } from '../../protocol/messages/desired.ts';

/** In the order in which they are tried: what the later ones need comes first. */
const provenComponents = ['runc', 'cni-plugins', 'containerd', 'kubelet'] as const;
export type ProvenComponent = (typeof provenComponents)[number];

/** A trial that the agent's own end cut off is begun again, this many times. */
export const mostAttempts = 3;
const failuresKept = 8;

export const failureSchema = z.object({
  artifact: artifactSchema,
  /** The version that was put back. */
  from: z.string(),
  code: z.string(),
  detail: z.string(),
  at: z.string(),
  /** `upgrade.attempt` of the desired state that it failed under. */
  attempt: z.string(),
});

const memorySchema = z.object({
  /** In use, and known to work. */
  proven: artifactSchema,
  /** Kept on the disk as the way back. */
  previous: artifactSchema.optional(),
  trial: z.object({ artifact: artifactSchema, attempts: z.number().int(), since: z.string() }).optional(),
  failed: z.array(failureSchema).default([]),
});

export const versionMemorySchema = z.partialRecord(z.enum(provenComponents), memorySchema);

export type Failure = z.infer<typeof failureSchema>;
type ComponentMemory = z.infer<typeof memorySchema>;
export type VersionMemory = z.infer<typeof versionMemorySchema>;

export interface Trial {
  readonly component: ProvenComponent;
  readonly from: Artifact;
  readonly to: Artifact;
  /** Trials of it that were cut off before. */
  readonly attempts: number;
}

export interface Choice {
  /** The desired state, with the artifacts that this host is to use now. */
  readonly effective: DesiredState;
  readonly trial: Trial | undefined;
  /** Desired, but known not to work here. */
  readonly held: readonly { readonly component: ProvenComponent; readonly failure: Failure }[];
  /** Trees of these stay on the disk although nobody wants them. */
  readonly kept: readonly Artifact[];
}

export function chooseVersions(desired: DesiredState, memory: VersionMemory): Choice {
  const used = new Map<string, Artifact>();
  const held: { component: ProvenComponent; failure: Failure }[] = [];
  const kept: Artifact[] = [];
  let trial: Trial | undefined;
  for (const component of provenComponents) {
    const target = desired.artifacts.find((artifact) => artifact.component === component);
    const known = memory[component];
    if (known?.previous) kept.push(known.previous);
    if (target === undefined || known === undefined || target.sha256 === known.proven.sha256) continue;
    kept.push(known.proven, target);
    const failure = failureOf(known, target, desired);
    if (failure) held.push({ component, failure });
    else if (trial === undefined) {
      const attempts = known.trial?.artifact.sha256 === target.sha256 ? known.trial.attempts : 0;
      trial = { component, from: known.proven, to: target, attempts };
      continue;
    }
    used.set(component, known.proven);
  }
  const artifacts = desired.artifacts.map((artifact) => used.get(artifact.component) ?? artifact);
  return { effective: { ...desired, artifacts }, trial, held, kept };
}

/** Hashes of all that a host uses, is asked for or may go back to. */
export function neededArtifacts(memory: VersionMemory, desired: readonly DesiredState[]): Set<string> {
  const remembered = Object.values(memory).flatMap(({ proven, previous, trial }) => [
    proven,
    previous,
    trial?.artifact,
  ]);
  const target = desired.flatMap(({ artifacts }) => artifacts);
  return new Set([...target, ...remembered].flatMap((artifact) => artifact?.sha256 ?? []));
}

/**
 * What is in use now, a trial that is under way included: for whoever must not begin one
 * (a join that is run again).
 */
export function versionsInUse(desired: DesiredState, memory: VersionMemory): DesiredState {
  const inUse = (artifact: Artifact) => {
    const known = memory[artifact.component as ProvenComponent];
    return known?.trial?.artifact ?? known?.proven ?? artifact;
  };
  return { ...desired, artifacts: desired.artifacts.map(inUse) };
}

/** What a host uses that has just been made as desired, for components that nothing is known of. */
export function withProven(memory: VersionMemory, effective: DesiredState): VersionMemory {
  const next = { ...memory };
  for (const component of provenComponents) {
    const artifact = effective.artifacts.find((candidate) => candidate.component === component);
    if (artifact !== undefined && next[component] === undefined)
      next[component] = { proven: artifact, failed: [] };
  }
  return next;
}

export function trialBegun(
  memory: VersionMemory,
  { component, to, attempts }: Trial,
  at: string,
): VersionMemory {
  return change(memory, component, (known) => ({
    ...known,
    // Of the first attempt: from then on what the kubelet says of itself may be the new one's word.
    trial: { artifact: to, attempts: attempts + 1, since: attempts > 0 ? (known.trial?.since ?? at) : at },
  }));
}

export function trialPassed(memory: VersionMemory, { component, from, to }: Trial): VersionMemory {
  return change(memory, component, ({ failed }) => ({
    proven: to,
    previous: from,
    failed: without(failed, to),
  }));
}

export function trialFailed(
  memory: VersionMemory,
  { component, from, to }: Trial,
  failure: Pick<Failure, 'code' | 'detail' | 'at' | 'attempt'>,
): VersionMemory {
  return change(memory, component, ({ trial: _, ...known }) => ({
    ...known,
    failed: [...without(known.failed, to), { artifact: to, from: from.version, ...failure }].slice(
      -failuresKept,
    ),
  }));
}

/** A trial that nobody wants any more, and that said nothing about the version. */
export function trialDropped(memory: VersionMemory, component: ProvenComponent): VersionMemory {
  return change(memory, component, ({ trial: _, ...known }) => known);
}

function failureOf(known: ComponentMemory, target: Artifact, { upgrade }: DesiredState): Failure | undefined {
  return known.failed.find(
    ({ artifact, attempt }) => artifact.sha256 === target.sha256 && attempt === upgrade.attempt,
  );
}

const without = (failed: readonly Failure[], { sha256 }: Artifact) =>
  failed.filter(({ artifact }) => artifact.sha256 !== sha256);

function change(
  memory: VersionMemory,
  component: ProvenComponent,
  next: (known: ComponentMemory) => ComponentMemory,
): VersionMemory {
  const known = memory[component];
  return known === undefined ? memory : { ...memory, [component]: next(known) };
}
