// The loop that everything is: observe → plan → execute → observe again, until nothing is left to do. A plan that
// comes back unchanged after it was carried out means that something works against us, and is a fault.
import { Fault } from '../../protocol/fault.ts';
import type { NodeWish } from '../components/component.ts';
import { observeFacts } from '../components/facts.ts';
import { planComponents } from '../components/index.ts';
import type { Host } from '../host/host.ts';
import { addressToward } from '../identity/address.ts';
import { openBackups } from '../plan/backups.ts';
import { executePlan, type StepListener } from '../plan/execute.ts';
import { foldJournal, type JournaledThing } from '../plan/fold.ts';
import { openJournal, readJournal } from '../plan/journal.ts';
import { observeResources } from '../plan/observe.ts';
import { type Plan, planChanges } from '../plan/plan.ts';
import type { ArtifactSource } from '../plan/source.ts';
import { signedOnly } from '../trust/accept.ts';

const mostRounds = 6;

export interface ReconcileOptions {
  readonly source?: ArtifactSource;
  readonly signal?: AbortSignal;
  readonly onPlan?: (plan: Plan, round: number) => void;
  readonly onStep?: StepListener;
}

/** What would be done now; changes nothing. */
export async function planNode(host: Host, wish: NodeWish): Promise<Plan> {
  const journal = await readJournal(host);
  return planAgainst(host, wish, foldJournal(journal?.entries ?? []));
}

/** Returns how many steps were done; the caller holds the lock. */
export async function reconcile(host: Host, wish: NodeWish, options: ReconcileOptions = {}): Promise<number> {
  const journal = await openJournal(host);
  const { source, signal } = options;
  const tools = {
    host,
    backups: openBackups(host),
    ...(source ? { source: signedOnly(host, source) } : {}),
    ...(signal ? { signal } : {}),
  };
  let done = 0;
  let before = '';
  try {
    for (let round = 1; ; round++) {
      const plan = untilUnpacked(await planAgainst(host, wish, foldJournal(journal.entries)));
      if (plan.steps.length === 0) return done;
      const now = JSON.stringify(plan.steps.map(({ key, reason }) => [key, reason]));
      if (now === before || round > mostRounds) throw notSettled(plan);
      before = now;
      options.onPlan?.(plan, round);
      await executePlan(tools, journal, plan, options.onStep);
      done += plan.steps.length;
    }
  } finally {
    await journal.close();
  }
}

async function planAgainst(
  host: Host,
  wish: NodeWish,
  journaled: ReadonlyMap<string, JournaledThing>,
): Promise<Plan> {
  const facts = await observeFacts(host, wish.desired);
  const address = (await addressToward(host, wish.identity.gatewayUrl)) ?? wish.identity.address;
  const resources = planComponents(facts, { ...wish, identity: { ...wish.identity, address } });
  return planChanges(await observeResources(host, resources), journaled);
}

/**
 * Where a program lies in its archive is known once it is unpacked, and units and configuration name that place: a
 * round that unpacks something (trees come first of all) ends there, and the next plans the rest with what was found.
 */
function untilUnpacked(plan: Plan): Plan {
  const last = plan.steps.findLastIndex((step) => step.action === 'make' && step.resource.kind === 'tree');
  return last < 0 ? plan : { ...plan, steps: plan.steps.slice(0, last + 1) };
}

function notSettled(plan: Plan): Fault {
  return new Fault('NOT_SETTLED', {
    steps: plan.steps.map(({ title, reason }) => `${title} (${reason})`).join('; '),
  });
}
