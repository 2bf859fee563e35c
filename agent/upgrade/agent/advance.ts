// The agent's own upgrade, as both agents see it. The old agent unpacks the new one, leaves a guard
// behind, flips the link and has itself restarted. Then the new agent confirms that it is well, or the old
// one is back and reports why.

import { Fault } from '../../../protocol/catalogue/fault.ts';
import type { DesiredState } from '../../../protocol/messages/desired.ts';
import {
  type AgentTrial,
  beginTrial,
  endTrial,
  readFailure,
  readTrial,
} from '../../components/agent/trial.ts';
import { type Failure, versionsInUse } from '../../components/versions.ts';
import type { Host } from '../../host/host.ts';
import { type ReconcileOptions, reconcile } from '../../node/reconcile.ts';
import { openBackups } from '../../plan/backups.ts';
import { mustRun } from '../../plan/command.ts';
import { type NodeState, writeState } from '../../state/state.ts';
import { signedOnly } from '../../trust/accept.ts';
import { agentVersion } from '../../version.ts';
import { currentRelease, releaseOf, unpackRelease, useRelease } from './release.ts';

export interface AgentOutcome {
  readonly state: NodeState;
  /** Another agent is about to take over: nothing else is begun. */
  readonly isHandingOver: boolean;
  /** The desired version that this host does not get. */
  readonly held: Failure | undefined;
}

export async function advanceAgent(
  host: Host,
  before: NodeState,
  options: Omit<ReconcileOptions, 'kept' | 'onlyUnpack'>,
): Promise<AgentOutcome> {
  const state = await takeNote(host, before);
  const { desired } = state;
  const target = desired.artifacts.find(({ component }) => component === 'agent');
  const settled = { state, isHandingOver: false, held: undefined };
  if (target === undefined || target.version === agentVersion) return settled;
  const release = await currentRelease(host);
  if (release === undefined) return { ...settled, held: packaged(host, target, desired) };
  const failed = state.agentFailures.find(
    ({ artifact, attempt }) => artifact.sha256 === target.sha256 && attempt === desired.upgrade.attempt,
  );
  if (failed !== undefined) return { ...settled, held: failed };
  const { source } = options;
  if (source === undefined) return settled;
  if (release !== releaseOf(target)) {
    const to = await unpackRelease(
      { host, backups: openBackups(host), ...options, source: signedOnly(host, source) },
      target,
    );
    const waitSeconds = Math.ceil(desired.upgrade.healthTimeoutMs / 1000);
    const since = new Date(host.clock.nowMs()).toISOString();
    const { attempt } = desired.upgrade;
    const trial = { artifact: target, fromVersion: agentVersion, attempt, waitSeconds, since };
    await beginTrial(host, { ...trial, from: release, to });
    // The plan sees the trial and puts the guard in its place, journaled like everything.
    const inUse = versionsInUse(desired, state.versions);
    await reconcile(host, { identity: state.identity, desired: inUse }, options);
    await useRelease(host, to);
  }
  await mustRun(host, 'systemctl', ['restart', 'regnode.service', '--no-block']);
  return { ...settled, isHandingOver: true };
}

/** The guard was here: what it says is remembered, and the trial is over. */
async function takeNote(host: Host, state: NodeState): Promise<NodeState> {
  const trial = await readTrial(host);
  const why = trial && (await readFailure(host));
  if (trial === undefined || why === undefined || (await currentRelease(host)) === trial.to) return state;
  const { artifact, fromVersion, attempt } = trial;
  const fault = new Fault('AGENT_CRASHED', { from: fromVersion, to: artifact.version, detail: why });
  const failure: Failure = {
    artifact,
    from: fromVersion,
    code: fault.code,
    detail: fault.message,
    at: new Date(host.clock.nowMs()).toISOString(),
    attempt,
  };
  const others = state.agentFailures.filter((one) => one.artifact.sha256 !== artifact.sha256);
  const next = { ...state, agentFailures: [...others, failure].slice(-8) };
  await writeState(host, next);
  await endTrial(host);
  return next;
}

function packaged(host: Host, artifact: AgentTrial['artifact'], { upgrade }: DesiredState): Failure {
  const fault = new Fault('AGENT_PACKAGED', { from: agentVersion, to: artifact.version });
  const at = new Date(host.clock.nowMs()).toISOString();
  return {
    artifact,
    from: agentVersion,
    code: fault.code,
    detail: fault.message,
    at,
    attempt: upgrade.attempt,
  };
}
