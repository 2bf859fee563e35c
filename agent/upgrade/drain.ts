// A kubelet of another minor version begins on a node without pods, as Kubernetes asks for; a patch leaves
// them running. The gateway drains and uncordons, state.json remembers why: whatever cuts this off, the next
// run goes on, and a node that an operator had cordoned stays so. Uncordoned is it when the trial is over,
// whichever way it ended. No lock is held while pods move.

import { Fault } from '../../protocol/catalogue/fault.ts';
import type { Artifact, DesiredState } from '../../protocol/messages/desired.ts';
import { stayReasons } from '../../protocol/messages/join.ts';
import type { Trial } from '../components/versions.ts';
import type { Host } from '../host/host.ts';
import type { GatewayApi } from '../identity/gateway-api.ts';
import { daemonCommand, lockNode } from '../state/lock.ts';
import { type NodeState, readState, writeState } from '../state/state.ts';

export type Drainer = Pick<GatewayApi, 'status' | 'drainForUpgrade' | 'uncordon'>;

/** Pure: whether the pods have to go before this trial begins, and have not gone for it yet. */
export function isDrainDue(
  trial: Trial,
  { upgrade: { drain } }: DesiredState,
  done: NodeState['drainedFor'],
): boolean {
  if (trial.component !== 'kubelet' || drain === 'never') return false;
  if (drain === 'minor' && minorOf(trial.from) === minorOf(trial.to)) return false;
  return !(done?.isDrained && done.sha256 === trial.to.sha256);
}

export async function drainForTrial(
  host: Host,
  gateway: Drainer,
  { to: { sha256 } }: Trial,
  signal: AbortSignal,
): Promise<void> {
  const { nodeName, unschedulable } = await gateway.status(signal);
  const isOurs = await change(host, (state) => {
    const wasCordoned = state.drainedFor?.wasCordoned ?? unschedulable;
    return { ...state, drainedFor: { sha256, isDrained: false, wasCordoned } };
  });
  if (!isOurs) return;
  const { remainingPods } = await gateway.drainForUpgrade(signal);
  const stuck = remainingPods.filter(({ reason }) => !mayStay.includes(reason));
  if (stuck.length > 0) {
    const pods = stuck.map(({ pod, reason }) => `${pod} (${reason})`).join(', ');
    throw new Fault('DRAIN_INCOMPLETE', { name: nodeName, count: stuck.length, pods: pods.slice(0, 400) });
  }
  await change(host, (state) =>
    state.drainedFor?.sha256 === sha256
      ? { ...state, drainedFor: { ...state.drainedFor, isDrained: true } }
      : undefined,
  );
}

/** When no trial is on; costs nothing on a node that was not drained. */
export async function endDrain(host: Host, gateway: Drainer, signal: AbortSignal): Promise<void> {
  const state = await readState(host);
  if (state?.phase !== 'Joined' || state.drainedFor === undefined) return;
  if (!state.drainedFor.wasCordoned) await gateway.uncordon(signal);
  await change(host, ({ drainedFor: _, ...rest }) => rest);
}

/** Pods that nothing would make again stay where they are, and run on. */
const mayStay: readonly string[] = [stayReasons.mirror, stayReasons.daemonSet, stayReasons.unmanaged];

const minorOf = ({ version }: Artifact) => /^v?(\d+\.\d+)/.exec(version)?.[1] ?? version;

/** False when the node is leaving meanwhile. */
async function change(host: Host, next: (state: NodeState) => NodeState | undefined): Promise<boolean> {
  const lock = await lockNode(host, daemonCommand);
  try {
    const state = await readState(host);
    if (state?.phase !== 'Joined') return false;
    const changed = next(state);
    if (changed !== undefined) await writeState(host, changed);
    return true;
  } finally {
    await lock.release();
  }
}
