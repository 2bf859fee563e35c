// The loop that everything is: observe → plan → execute → observe again, until nothing is left to do.
// A plan that comes back unchanged after it was carried out means that something works against us,
// and is a fault. What somebody changed by hand since it was made (drift) is made again, or left
// alone and told, as the pool says.

import { Fault } from '../../protocol/catalogue/fault.ts';
import type { Artifact } from '../../protocol/messages/desired.ts';
import { withToldCluster } from '../components/cluster.ts';
import type { DesiredNode } from '../components/component.ts';
import { observeFacts } from '../components/facts.ts';
import { planComponents, restartGroups } from '../components/index.ts';
import { treeOf } from '../components/trees.ts';
import {
  type Applied,
  fingerprint,
  readApplied,
  sortPlan,
  withoutSteps,
  writeApplied,
} from '../drift/applied.ts';
import type { Host } from '../host/host.ts';
import { addressToward } from '../identity/address.ts';
import { openBackups } from '../plan/backups.ts';
import { assertChangeable } from '../plan/cause.ts';
import { executePlan, type StepListener } from '../plan/execute.ts';
import { foldJournal, type JournaledThing } from '../plan/fold.ts';
import { openJournal, readJournal } from '../plan/journal.ts';
import { kindOf } from '../plan/kind.ts';
import { kinds } from '../plan/kinds/index.ts';
import { observeResources } from '../plan/observe.ts';
import { type Plan, planChanges, type Step } from '../plan/plan.ts';
import { keepRecovery } from '../plan/recovery.ts';
import type { Resource } from '../plan/resource.ts';
import type { ArtifactSource } from '../plan/source.ts';
import { signedOnly } from '../trust/accept.ts';
import { hasMoved } from './moved.ts';
import { type PendingRestart, pendingRestart, withoutPending } from './pending-restart.ts';
import { renewReserve } from './reserve.ts';

const mostRounds = 6;

export interface ReconcileOptions {
  readonly source?: ArtifactSource;
  readonly signal?: AbortSignal;
  readonly onPlan?: (plan: Plan, round: number) => void;
  readonly onStep?: StepListener;
  /** Old versions whose trees stay; with it all other old trees go. */
  readonly kept?: readonly Artifact[];
  /** Only fetch and unpack what the desired state needs: nothing that runs is touched. */
  readonly onlyUnpack?: boolean;
  /** What restarts a kubelet or a containerd for a changed desired state is left for the node's turn. */
  readonly withoutRestarts?: boolean;
}

export interface Reconciled {
  readonly steps: number;
  /** What had been changed by hand: made again, or with the policy `report` still as it was found. */
  readonly drift: readonly Step[];
  /** What `withoutRestarts` has left. */
  readonly pending: PendingRestart | undefined;
}

export interface SortedNodePlan {
  readonly plan: Plan;
  /** The steps of it that undo what somebody did by hand. */
  readonly drift: readonly Step[];
}

/** What would be done now; changes nothing. */
export async function planNode(
  host: Host,
  desiredNode: DesiredNode,
  kept?: readonly Artifact[],
): Promise<SortedNodePlan> {
  const journal = await readJournal(host);
  const { plan } = await planAgainst(host, desiredNode, foldJournal(journal?.entries ?? []), kept);
  return { plan, drift: sortPlan(plan, await readApplied(host)).drift };
}

/** The caller holds the lock. */
export async function reconcile(
  host: Host,
  desiredNode: DesiredNode,
  options: ReconcileOptions = {},
): Promise<Reconciled> {
  await renewReserve(host);
  let applied = await readApplied(host);
  const journal = await openJournal(host);
  const { source, signal, kept } = options;
  const tools = {
    host,
    backups: openBackups(host),
    ...(source ? { source: signedOnly(host, source) } : {}),
    ...(signal ? { signal } : {}),
  };
  const drift = new Map<string, Step>();
  let steps = 0;
  let before = '';
  try {
    for (let round = 1; ; round++) {
      const found = await planAgainst(host, desiredNode, foldJournal(journal.entries), kept);
      const sorted = sortPlan(found.plan, applied);
      for (const step of sorted.drift) drift.set(step.key, step);
      const pending =
        options.withoutRestarts && !(await hasMoved(host))
          ? pendingRestart(sorted.changes.steps, found.restartGroups)
          : undefined;
      const due = desiredNode.desired.driftPolicy === 'report' ? sorted.changes : found.plan;
      const plan = untilUnpacked(withoutPending(due, pending, sorted.drift), options.onlyUnpack ?? false);
      if (plan.steps.length === 0) {
        if (!options.onlyUnpack) await rememberApplied(host, applied, found.resources, pending);
        await keepRecovery(host, desiredNode.identity);
        return { steps, drift: [...drift.values()], pending };
      }
      const now = JSON.stringify(plan.steps.map(({ key, reason }) => [key, reason]));
      if (now === before || round > mostRounds) throw notSettled(plan);
      before = now;
      // Of all that is known to come, not only of this round.
      if (journal.entries.length === 0) await assertChangeable(host, found.plan);
      options.onPlan?.(plan, round);
      applied = await forgetChanging(host, applied, plan.steps, sorted.drift);
      await executePlan(tools, journal, plan, options.onStep);
      steps += plan.steps.length;
    }
  } finally {
    await journal.close();
  }
}

async function planAgainst(
  host: Host,
  desiredNode: DesiredNode,
  journaled: ReadonlyMap<string, JournaledThing>,
  kept: readonly Artifact[] | undefined,
): Promise<{
  plan: Plan;
  resources: readonly Resource[];
  restartGroups: readonly (readonly Resource[])[];
}> {
  const facts = await observeFacts(host, desiredNode.desired);
  const address =
    (await addressToward(host, desiredNode.identity.gatewayUrl)) ?? desiredNode.identity.address;
  const identity = { ...withToldCluster(desiredNode.identity, desiredNode.desired), address };
  const here = { ...desiredNode, identity };
  const resources = planComponents(facts, here);
  const keptTrees = kept && new Set(kept.map((artifact) => `tree:${treeOf(artifact)}`));
  const plan = planChanges(await observeResources(host, resources), journaled, keptTrees);
  return { plan, resources, restartGroups: restartGroups(facts, here) };
}

/**
 * Where a program lies in its archive is known once it is unpacked, and units and configuration name
 * that place: a round that unpacks something (trees come first of all) ends there, and the next plans
 * the rest with what was found.
 */
function untilUnpacked(plan: Plan, only: boolean): Plan {
  const last = plan.steps.findLastIndex((step) => step.action === 'make' && step.resource.kind === 'tree');
  return last < 0 && !only ? plan : { ...plan, steps: plan.steps.slice(0, last + 1) };
}

/** Before a change: were it cut off, what is half done must not be taken for somebody's own doing. */
async function forgetChanging(
  host: Host,
  applied: Applied,
  steps: readonly Step[],
  drift: readonly Step[],
): Promise<Applied> {
  const next = withoutSteps(
    applied,
    steps.filter((step) => !drift.includes(step)),
  );
  if (Object.keys(next).length !== Object.keys(applied).length) await writeApplied(host, next);
  return next;
}

/** What waits is remembered as it was made. */
async function rememberApplied(
  host: Host,
  before: Applied,
  resources: readonly Resource[],
  pending: PendingRestart | undefined,
): Promise<void> {
  const applied = Object.fromEntries(
    resources.flatMap((resource) => {
      const key = kindOf(kinds, resource).identify(resource);
      const made = pending?.keys.has(key) ? before[key] : fingerprint(resource);
      return made === undefined ? [] : [[key, made]];
    }),
  );
  if (JSON.stringify(applied) !== JSON.stringify(before)) await writeApplied(host, applied);
}

function notSettled(plan: Plan): Fault {
  return new Fault('NOT_SETTLED', {
    steps: plan.steps.map(({ title, reason }) => `${title} (${reason})`).join('; '),
  });
}
