// Brings a joined host to its pool's desired state: new versions one component at a time, each fetched beside
// the old, put into use, watched, and kept or taken back. Whatever cuts it off, the next run goes on from
// what state.json remembers: a trial that was begun is gone on with, one that failed is undone by the plan of
// the version before. Where the pool says so, the pods go before another kubelet comes.

import { Fault } from '../../protocol/catalogue/fault.ts';
import type { DesiredState } from '../../protocol/messages/desired.ts';
import { chooseSettings, type SettingsFailure } from '../components/settings.ts';
import {
  type Choice,
  chooseVersions,
  type Failure,
  mostAttempts,
  neededArtifacts,
  type Trial,
  trialBegun,
  trialDropped,
  trialFailed,
  trialPassed,
  type VersionMemory,
  withProven,
} from '../components/versions.ts';
import type { Host } from '../host/host.ts';
import { type Reconciled, type ReconcileOptions, reconcile } from '../node/reconcile.ts';
import { type SweptStore, sweepStore } from '../plan/store.ts';
import { daemonCommand, lockNode } from '../state/lock.ts';
import { type NodeState, readState, writeState } from '../state/state.ts';
import { admitDesired, type ManifestSource } from '../trust/accept.ts';
import { advanceAgent } from './agent/advance.ts';
import { type Drainer, drainForTrial, endDrain, isDrainDue } from './drain.ts';
import { type GateVerdict, namesOf, passGate } from './gate.ts';
import {
  rememberSettings,
  type SettingsTrial,
  type SettingsWatch,
  settleSettings,
  watchSettings,
} from './settings.ts';

export interface AdvanceOptions extends SettingsWatch {
  readonly reconcile: Omit<ReconcileOptions, 'kept' | 'onlyUnpack'>;
  /** Where the manifest of a desired state is read. */
  readonly source: ManifestSource;
  readonly gateway: Drainer;
  readonly onTrial: (trial: Trial, missing: string) => void;
  readonly onVerdict: (trial: Trial, verdict: GateVerdict) => void;
  /** What was left of the store of archives, and what had been there for too long. */
  readonly onSwept: (swept: SweptStore) => void;
}

export interface Advanced extends Reconciled {
  readonly choice: Choice;
  /** Desired settings that did not work here. */
  readonly heldSettings: SettingsFailure | undefined;
  /** The desired agent, when this host does not get it. */
  readonly heldAgent: Failure | undefined;
  /** Another agent takes over in a moment. */
  readonly isHandingOver: boolean;
}

/** undefined when the host is not (or no longer) a joined node. */
export async function advanceNode(host: Host, options: AdvanceOptions): Promise<Advanced | undefined> {
  let steps = 0;
  const drift = new Map<string, Reconciled['drift'][number]>();
  let wasTakenBack = false;
  for (;;) {
    const done = await locked(host, () => act(host, options));
    if (done === undefined) return undefined;
    steps += done.steps;
    for (const step of done.drift) drift.set(step.key, step);
    if (done.settingsTrial !== undefined) {
      const { settingsTrial } = done;
      const tried = done.choice.effective;
      const verdict = await watchSettings(host, settingsTrial, tried.upgrade.healthTimeoutMs, options);
      await locked(host, () => rememberSettings(host, settingsTrial, verdict, tried));
      wasTakenBack ||= verdict instanceof Fault;
      continue;
    }
    const { trial } = done.choice;
    if (trial === undefined || done.isHandingOver) {
      if (wasTakenBack && !done.isHandingOver) await watchOldVersion(host, done.choice, options);
      if (!done.isHandingOver) await endDrain(host, options.gateway, options.signal);
      return { ...done, steps, drift: [...drift.values()] };
    }
    if (done.isDrainDue) {
      options.onTrial(trial, 'pods are moved away first');
      await drainForTrial(host, options.gateway, trial, options.signal);
      continue;
    }
    // Nothing is changed while we watch, so nobody has to wait for us: a leave may come in between.
    const verdict = done.failure ?? (await watch(host, trial, done.since, done.choice, options));
    options.onVerdict(trial, verdict);
    wasTakenBack ||= verdict instanceof Fault;
    await locked(host, () => remember(host, trial, verdict, done.choice.effective.upgrade.attempt));
  }
}

interface Act extends Advanced {
  readonly since: string;
  /** Before any version: so it is clear who is to blame. */
  readonly settingsTrial?: SettingsTrial;
  /** Its archive is there; the node's pods have to go before it begins. */
  readonly isDrainDue?: boolean;
  /** It could not even be put into use. */
  readonly failure?: Fault;
}

async function act(host: Host, options: AdvanceOptions): Promise<Act | undefined> {
  const before = await readState(host);
  if (before?.phase !== 'Joined') return undefined;
  const desired = options.desired() ?? before.desired;
  // Before anything is fetched: what nobody needs any more makes room for it.
  options.onSwept(await sweepStore(host, neededArtifacts(before.versions, [desired, before.desired])));
  await admitDesired(host, desired, options.source, options.signal);
  if (desired.revision !== before.desired.revision) await writeState(host, { ...before, desired });
  const agent = await advanceAgent(host, { ...before, desired }, options.reconcile);
  const { state, isHandingOver } = agent;
  const heldAgent = agent.held;
  const settings = chooseSettings(desired, state.settings);
  const choice = chooseVersions(settings.effective, state.versions);
  const nothing = {
    steps: 0,
    drift: [],
    pending: undefined,
    choice,
    since: '',
    heldSettings: settings.failure,
    heldAgent,
    isHandingOver,
  };
  if (isHandingOver) return nothing;
  const { trial } = choice;
  // One that was cut off is gone on with first.
  if (trial !== undefined && trial.attempts > 0) return begin(host, state, { ...nothing, trial }, options);
  const done = await settleSettings(
    host,
    state,
    { identity: state.identity, desired: beforeTrial(choice) },
    {
      reconcile: { ...options.reconcile, ...(trial === undefined ? { kept: choice.kept } : {}) },
      isHeard: options.desired() !== undefined,
      hasTurn: trial !== undefined,
    },
  );
  const { steps, drift, pending } = done;
  if (done.trial !== undefined) return { ...nothing, steps, drift, settingsTrial: done.trial };
  if (trial !== undefined) {
    const begun = await begin(host, done.state, { ...nothing, trial }, options);
    return { ...begun, steps: steps + begun.steps, drift: [...drift, ...begun.drift] };
  }
  await keep(host, done.state, withProven(done.state.versions, choice.effective));
  return { ...nothing, steps, drift, pending };
}

/** What the host is to have while a version has not begun. */
function beforeTrial({ effective, trial }: Choice): DesiredState {
  const artifacts = effective.artifacts.map((artifact) =>
    artifact.component === trial?.component ? trial.from : artifact,
  );
  return { ...effective, artifacts };
}

async function begin(
  host: Host,
  state: NodeState,
  { trial, ...nothing }: Act & { readonly trial: Trial },
  options: AdvanceOptions,
): Promise<Act> {
  const { choice } = nothing;
  const desiredNode = { identity: state.identity, desired: choice.effective };
  if (trial.attempts >= mostAttempts) {
    return {
      ...nothing,
      failure: new Fault('UPGRADE_INTERRUPTED', { ...namesOf(trial), attempts: trial.attempts }),
    };
  }
  // What can't be fetched says nothing about the version, and costs it no attempt.
  const staged = await reconcile(host, desiredNode, { ...options.reconcile, onlyUnpack: true });
  if (isDrainDue(trial, choice.effective, state.drainedFor))
    return { ...nothing, steps: staged.steps, isDrainDue: true };
  const versions = trialBegun(state.versions, trial, new Date(host.clock.nowMs()).toISOString());
  // Back to the version before, should it come to that, is no turn of its own.
  await writeState(host, { ...state, versions, settings: { ...state.settings, isTurn: true } });
  options.onTrial(trial, '');
  const since = versions[trial.component]?.trial?.since ?? '';
  try {
    const done = await reconcile(host, desiredNode, options.reconcile);
    return { ...nothing, steps: staged.steps + done.steps, drift: done.drift, since };
  } catch (error) {
    if (!(error instanceof Fault) || options.signal.aborted) throw error;
    // A program that doesn't stay up is watched for a while all the same: its last
    // words are the better reason.
    if (error.code === 'NOT_SETTLED') return { ...nothing, steps: staged.steps, since };
    const failure = new Fault(
      'UPGRADE_FAILED',
      { ...namesOf(trial), detail: error.message },
      { cause: error },
    );
    return { ...nothing, failure };
  }
}

function watch(
  host: Host,
  trial: Trial,
  since: string,
  { effective }: Choice,
  options: AdvanceOptions,
): Promise<GateVerdict> {
  const isDesired = () => {
    const target = options.desired()?.artifacts.find(({ component }) => component === trial.component);
    return target === undefined || target.sha256 === trial.to.sha256;
  };
  return passGate(host, {
    probe: options.probe,
    trial,
    since,
    timeoutMs: effective.upgrade.healthTimeoutMs,
    signal: options.signal,
    isDesired,
    onWaiting: (missing) => options.onTrial(trial, missing),
  });
}

/** The version before has worked; should it not do so now, that is what the node reports. */
async function watchOldVersion(host: Host, { effective }: Choice, options: AdvanceOptions): Promise<void> {
  const verdict = await passGate(host, {
    probe: options.probe,
    trial: undefined,
    since: '',
    timeoutMs: effective.upgrade.healthTimeoutMs,
    signal: options.signal,
    isDesired: () => true,
  });
  if (verdict instanceof Fault) throw verdict;
}

async function remember(host: Host, trial: Trial, verdict: GateVerdict, attempt: string): Promise<void> {
  const state = await readState(host);
  if (state?.phase !== 'Joined') return;
  await keep(host, state, remembered(state.versions, trial, verdict, { attempt, at: host.clock.nowMs() }));
}

function remembered(
  memory: VersionMemory,
  trial: Trial,
  verdict: GateVerdict,
  { attempt, at }: { attempt: string; at: number },
): VersionMemory {
  if (verdict === 'healthy') return trialPassed(memory, trial);
  if (verdict === 'not-desired') return trialDropped(memory, trial.component);
  return trialFailed(memory, trial, {
    code: verdict.code,
    detail: verdict.message,
    at: new Date(at).toISOString(),
    attempt,
  });
}

async function keep(host: Host, state: NodeState, versions: VersionMemory): Promise<void> {
  if (JSON.stringify(versions) !== JSON.stringify(state.versions))
    await writeState(host, { ...state, versions });
}

async function locked<T>(host: Host, action: () => Promise<T>): Promise<T> {
  const lock = await lockNode(host, daemonCommand);
  try {
    return await action();
  } finally {
    await lock.release();
  }
}
