// Settings that restart a kubelet or a containerd, in the node's turn. Whatever the planner would restart for
// a changed desired state or a changed way to write it waits, is told by an id, and is carried out when the
// gateway names that id; then the node is watched like after a new version, and goes back to what was proven
// when it does not become well. state.json is written before each act, so that a trial that was cut off is
// gone on with, and a way back is never waited for.

import { isDeepStrictEqual } from 'node:util';
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { DesiredState } from '../../protocol/messages/desired.ts';
import type { DesiredNode } from '../components/component.ts';
import { type SettingsMemory, settingsOf } from '../components/settings.ts';
import { mostAttempts } from '../components/versions.ts';
import type { Host } from '../host/host.ts';
import type { PendingRestart } from '../node/pending-restart.ts';
import { type Reconciled, type ReconcileOptions, reconcile } from '../node/reconcile.ts';
import { type NodeState, readState, writeState } from '../state/state.ts';
import { type GateVerdict, passGate } from './gate.ts';
import type { HealthProbe } from './health.ts';

export interface SettleOptions {
  readonly reconcile: ReconcileOptions;
  /** The gateway has said in this life of the agent what it desires: one that names no turns has none. */
  readonly isHeard: boolean;
  /** It is this node's turn already, for a version. */
  readonly hasTurn: boolean;
}

export interface SettingsTrial {
  readonly id: string;
  readonly since: string;
  /** Empty when the restart was done before the agent ended. */
  readonly units: readonly string[];
  /** They could not even be put into use. */
  readonly failure?: Fault;
}

export interface Settled extends Reconciled {
  readonly state: NodeState;
  /** Under way now, and to be watched. */
  readonly trial?: SettingsTrial;
}

/** Everything but versions. The caller holds the lock. */
export async function settleSettings(
  host: Host,
  state: NodeState,
  desiredNode: DesiredNode,
  options: SettleOptions,
): Promise<Settled> {
  const { settings: memory } = state;
  const { desired } = desiredNode;
  const knowsTurns = desired.upgrade.restart !== undefined || !options.isHeard;
  const isOnItsWayBack = memory.isTurn === true && memory.trial === undefined;
  const done = await reconcile(host, desiredNode, {
    ...options.reconcile,
    withoutRestarts: knowsTurns && !isOnItsWayBack,
  });
  const { pending } = done;
  if (pending === undefined && memory.trial !== undefined) {
    const { id, since } = memory.trial;
    return { ...done, state, trial: { id, since, units: [] } };
  }
  if (pending === undefined) {
    const { failed } = memory;
    const settled = { proven: settingsOf(desired), ...(failed ? { failed } : {}) };
    return { ...done, state: await kept(host, state, settled) };
  }
  const mayRestart =
    options.hasTurn || pending.id === desired.upgrade.restart || pending.id === memory.trial?.id;
  if (mayRestart) return begin(host, state, desiredNode, { ...options, done, pending });
  const { trial: _, isTurn: __, ...rest } = memory;
  return { ...done, state: await kept(host, state, rest) };
}

async function begin(
  host: Host,
  state: NodeState,
  desiredNode: DesiredNode,
  { reconcile: how, done, pending }: SettleOptions & { done: Reconciled; pending: PendingRestart },
): Promise<Settled> {
  const { id, units } = pending;
  const before = state.settings.trial?.id === id ? state.settings.trial : undefined;
  const since = before?.since ?? new Date(host.clock.nowMs()).toISOString();
  const attempts = (before?.attempts ?? 0) + 1;
  const failed = (detail: string, cause?: unknown) =>
    new Fault('SETTINGS_UNHEALTHY', { units: units.join(', '), detail }, { cause });
  if (attempts > mostAttempts) {
    const failure = failed(`the agent ended ${mostAttempts} times while it tried them`);
    return { ...done, state, trial: { id, since, units, failure } };
  }
  const trying = { ...state.settings, trial: { id, since, attempts }, isTurn: true };
  const written = await kept(host, state, trying);
  try {
    const { steps, drift } = await reconcile(host, desiredNode, how);
    const all = { steps: done.steps + steps, drift: [...done.drift, ...drift], pending: undefined };
    return { ...all, state: written, trial: { id, since, units } };
  } catch (error) {
    if (!(error instanceof Fault) || how.signal?.aborted) throw error;
    // A program that doesn't stay up is watched for a while all the same: its last
    // words are the better reason.
    const failure = error.code === 'NOT_SETTLED' ? {} : { failure: failed(error.message, error) };
    return { ...done, pending: undefined, state: written, trial: { id, since, units, ...failure } };
  }
}

export interface SettingsWatch {
  readonly probe: HealthProbe;
  /** The newest desired state; undefined when it is the one in state.json. */
  readonly desired: () => DesiredState | undefined;
  readonly signal: AbortSignal;
  readonly onSettingsTrial: (trial: SettingsTrial, missing: string) => void;
  readonly onSettingsVerdict: (trial: SettingsTrial, verdict: GateVerdict) => void;
}

/** Nothing is changed meanwhile: a leave may come in between. */
export async function watchSettings(
  host: Host,
  trial: SettingsTrial,
  timeoutMs: number,
  { probe, desired, signal, onSettingsTrial, onSettingsVerdict }: SettingsWatch,
): Promise<GateVerdict> {
  onSettingsTrial(trial, '');
  const atFirst = desired();
  const isDesired = () => {
    const now = desired();
    return now === atFirst || isDeepStrictEqual(now && settingsOf(now), atFirst && settingsOf(atFirst));
  };
  const onWaiting = (missing: string) => onSettingsTrial(trial, missing);
  const options = { probe, trial: undefined, since: trial.since, timeoutMs, signal, isDesired, onWaiting };
  const verdict = trial.failure ?? settingsVerdict(await passGate(host, options), trial);
  onSettingsVerdict(trial, verdict);
  return verdict;
}

/** The caller holds the lock. */
export async function rememberSettings(
  host: Host,
  trial: SettingsTrial,
  verdict: GateVerdict,
  tried: DesiredState,
): Promise<void> {
  const state = await readState(host);
  if (state?.phase !== 'Joined') return;
  const when = { tried, atMs: host.clock.nowMs() };
  await writeState(host, { ...state, settings: settingsAfter(state.settings, trial, verdict, when) });
}

/** What is known after a trial: pure. `tried`: the desired state that it was a trial of. */
function settingsAfter(
  { proven, failed }: SettingsMemory,
  { id }: SettingsTrial,
  verdict: GateVerdict,
  { tried, atMs }: { tried: DesiredState; atMs: number },
): SettingsMemory {
  const known = { ...(proven ? { proven } : {}), ...(failed ? { failed } : {}) };
  if (verdict === 'not-desired') return known;
  const settings = settingsOf(tried);
  // What failed once is forgotten when it has worked.
  if (verdict === 'healthy')
    return isDeepStrictEqual(failed?.settings, settings)
      ? { proven: settings }
      : { ...known, proven: settings };
  const { code, message: detail } = verdict;
  const { attempt } = tried.upgrade;
  const at = new Date(atMs).toISOString();
  return { ...known, failed: { settings, id, code, detail, at, attempt }, isTurn: true };
}

/** Other words of the gate, for what was tried here. */
function settingsVerdict(verdict: GateVerdict, { units }: SettingsTrial): GateVerdict {
  if (!(verdict instanceof Fault)) return verdict;
  const detail = String(verdict.values.detail ?? verdict.message);
  return new Fault('SETTINGS_UNHEALTHY', { units: units.join(', ') || 'its services', detail });
}

async function kept(host: Host, state: NodeState, settings: SettingsMemory): Promise<NodeState> {
  if (isDeepStrictEqual(settings, state.settings)) return state;
  const next = { ...state, settings };
  await writeState(host, next);
  return next;
}
