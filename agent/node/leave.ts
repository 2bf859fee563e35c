// How a host leaves: drain → stop → undo → deregister → forget. Every part may be repeated, so a leave that
// was cut off anywhere is finished by running it again; what stays behind is returned, never hidden.
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { DrainResponse } from '../../protocol/messages/join.ts';
import { describeHost, type SeenHost } from '../../protocol/messages/machine.ts';
import { paths } from '../config/paths.ts';
import type { Host } from '../host/host.ts';
import { createGatewayApi, type GatewayApi } from '../identity/gateway-api.ts';
import { readBootId } from '../identity/machine.ts';
import { readIdentity } from '../identity/store.ts';
import { openBackups } from '../plan/backups.ts';
import { withAttributes } from '../plan/cause.ts';
import { foldJournal, undoneKind } from '../plan/fold.ts';
import { openJournal, readJournal } from '../plan/journal.ts';
import {
  forgetRecovery,
  lostState,
  type RecoveryNode,
  readNode,
  recoverState,
  whyNotJoined,
} from '../plan/recovery.ts';
import { undoAll } from '../plan/undo.ts';
import { lockNodeFromDaemon } from '../state/lock.ts';
import { type NodeState, readState, writeState } from '../state/state.ts';
import { forgetState, sweepStateFolder } from '../state/state-folder.ts';
import { defaultDrainTimeoutMs, drainBeforeLeave } from './drain.ts';
import { giveUpReserve } from './reserve.ts';
import { stopWorkloads } from './workloads.ts';

/** Longer than the gateway takes a silent connection for one. */
const formerBootMs = 20_000;
const askAgainMs = 2_000;

export type LeavePhase = 'wait' | 'drain' | 'stop' | 'undo' | 'deregister' | 'forget';

export interface LeaveOptions {
  /** Without a reachable gateway, and past what fails. */
  readonly force: boolean;
  readonly drain: boolean;
  /**
   * From a copy of the journal, or what is recognised, when the state folder is lost. The gateway is not
   * told: the node's key is gone, too.
   */
  readonly recover?: boolean;
  readonly drainTimeoutMs?: number;
  readonly onDrain?: (seen: DrainResponse) => void;
  readonly onPhase?: (phase: LeavePhase) => void;
  readonly signal?: AbortSignal;
}

export interface LeaveResult {
  /** What stays because it is somebody else's now, a line each. */
  readonly kept: readonly string[];
  /**
   * What could not be undone this time, a line each; the journal holds it, and the next leave tries it again.
   */
  readonly failed: readonly string[];
  readonly drained: DrainResponse | undefined;
}

export interface LeavePlan {
  readonly nodeName: string | undefined;
  /** What would become of the pods; undefined when the gateway could not be asked, which `fault` says. */
  readonly pods: DrainResponse | undefined;
  readonly fault: Fault | undefined;
  /** What would be undone, in that order. */
  readonly undone: readonly string[];
}

/** Looks, and changes nothing. */
export async function planLeave(host: Host, signal?: AbortSignal): Promise<LeavePlan> {
  const state = await readState(host);
  const journal = await readJournal(host);
  if (state === undefined && journal === undefined) throw await whyNotJoined(host);
  const undone = [...foldJournal(journal?.entries ?? []).keys()].toReversed();
  const gateway = await openGateway(host, state);
  const nodeName = state?.identity.nodeName;
  try {
    return { nodeName, pods: await gateway?.planDrain(signal), fault: undefined, undone };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { nodeName, pods: undefined, fault: error, undone };
  } finally {
    gateway?.close();
  }
}

export async function leaveNode(host: Host, options: LeaveOptions): Promise<LeaveResult> {
  const cutOff = await sweepStateFolder(host);
  const lost = await lostState(host);
  if (lost !== undefined && !options.recover) throw lost;
  if (lost === undefined && (await host.files.status(paths.state)) === undefined) {
    if (cutOff) return { kept: [], failed: await unremoved(host, cutOff), drained: undefined };
    throw new Fault('NOT_JOINED');
  }
  const { onPhase, signal } = options;
  const lock = await lockNodeFromDaemon(host, 'regnode leave', { onWait: () => onPhase?.('wait'), signal });
  try {
    const unknown = lost === undefined ? [] : await recoverState(host);
    const left = await leaveLocked(host, options);
    return { ...left, kept: [...unknown, ...left.kept] };
  } finally {
    await lock.release();
  }
}

async function leaveLocked(host: Host, options: LeaveOptions): Promise<LeaveResult> {
  const state = await tolerated(options.force, readState(host));
  const journal = await readJournal(host, { tolerant: options.force });
  if (state === undefined && journal === undefined && (await readIdentity(host)) === undefined) {
    await forgetState(host);
    throw new Fault('NOT_JOINED');
  }
  const ownGateway = await openGateway(host, state);
  const known = await readNode(host);
  // What this host would say there as the node would be done to the other host.
  const other = ownGateway && (await otherHolder(host, ownGateway, options.signal));
  const gateway = other === undefined ? ownGateway : undefined;
  try {
    options.onPhase?.('drain');
    const drained = await drain(host, gateway, state, options);
    await giveUpReserve(host); // not before: in the time of a drain somebody else could take it
    if (state !== undefined && state.phase !== 'Leaving')
      await writeState(host, { ...state, phase: 'Leaving' });
    const { kept, failed } = await takeBack(host, options);
    options.onPhase?.('deregister');
    const untold = await deregister(gateway, options.force);
    if (untold !== undefined && state !== undefined) {
      const values = { name: state.identity.nodeName, detail: untold.message };
      kept.push(new Fault('NOT_DEREGISTERED', values).message);
    }
    if (other !== undefined && state !== undefined) {
      const values = { name: state.identity.nodeName, holder: describeHost(other) };
      kept.push(new Fault('NODE_STAYS', values).message);
    }
    if (options.recover && ownGateway === undefined) kept.push(stillRegistered(known));
    // What stays is remembered, unless the user gives it up.
    if (failed.length > 0 && !options.force) return { kept, failed, drained };
    options.onPhase?.('forget');
    const left = await forgetNode(host, options.force);
    if (options.force) return { kept: [...kept, ...failed, ...left], failed: [], drained };
    return { kept, failed: left, drained };
  } finally {
    ownGateway?.close();
  }
}

/**
 * Stop and undo; also the way back of a join that was refused half-way. When something stays, the journal
 * notes what does not, so that the next run tries only that.
 */
export async function takeBack(
  host: Host,
  options: Pick<LeaveOptions, 'force' | 'onPhase'>,
): Promise<{ kept: string[]; failed: readonly string[] }> {
  options.onPhase?.('stop');
  const kept = await stopWorkloads(host);
  options.onPhase?.('undo');
  const read = await readJournal(host, { tolerant: options.force });
  for (const { line, detail } of read?.damage ?? []) kept.push(`line ${line} of the journal: ${detail}`);
  const tools = { host, backups: openBackups(host) };
  const undone = await undoAll(tools, read?.entries ?? []);
  kept.push(...undone.kept);
  if (undone.failed.length > 0 && read?.damage.length === 0) await noteSettled(host, undone.settled);
  return { kept, failed: undone.failed };
}

async function noteSettled(host: Host, keys: readonly string[]): Promise<void> {
  const journal = await openJournal(host);
  try {
    await journal.append(...keys.map((key) => ({ key, kind: undoneKind, entry: {} })));
  } finally {
    await journal.close();
  }
}

function stillRegistered({ nodeName: name }: RecoveryNode): string {
  const detail = `the node's key is lost; remove it there: regnodectl node remove ${name}`;
  return new Fault('NOT_DEREGISTERED', { name, detail }).message;
}

/**
 * Returns what had to stay, a line each. The state goes last: as long as a copy of it can't be removed, the
 * next run finds here what it is to go on with; with `force` it goes all the same.
 */
export async function forgetNode(host: Host, force = false): Promise<readonly string[]> {
  const left = [...(await host.files.removeTree(paths.run)), ...(await forgetRecovery(host))];
  if (left.length === 0 || force) left.push(...(await forgetState(host)));
  return unremoved(host, left);
}

function unremoved(host: Host, left: readonly string[]): Promise<readonly string[]> {
  return Promise.all(left.map((path) => withAttributes(host, `${path} could not be removed`, [path])));
}

/**
 * A gateway that does not know the node any more has nothing left to do. With `force` the fault for which
 * it was not told is returned.
 */
export async function deregister(
  gateway: GatewayApi | undefined,
  force: boolean,
): Promise<Fault | undefined> {
  try {
    await gateway?.deregister();
    return undefined;
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    if (error.code === 'NODE_NOT_REGISTERED') return undefined;
    if (force) return error;
    throw error;
  }
}

async function drain(
  { clock }: Host,
  gateway: GatewayApi | undefined,
  state: NodeState | undefined,
  options: LeaveOptions,
): Promise<DrainResponse | undefined> {
  const { force, signal, drainTimeoutMs: timeoutMs = defaultDrainTimeoutMs } = options;
  if (!options.drain || gateway === undefined || state?.phase !== 'Joined') return undefined;
  const onDrain = options.onDrain ?? (() => undefined);
  try {
    return await drainBeforeLeave(clock, gateway, { timeoutMs, force, onDrain, signal });
  } catch (error) {
    const isGone = error instanceof Fault && error.code === 'NODE_NOT_REGISTERED';
    if (isGone || force) return undefined;
    throw error;
  }
}

/**
 * The host that has the tunnel of this node, when that is not this one: then this one is a copy. A boot of
 * this host before the present one is no other host, and the gateway gives up its connection soon.
 */
async function otherHolder(
  host: Host,
  gateway: GatewayApi,
  signal: AbortSignal | undefined,
): Promise<SeenHost | undefined> {
  const { clock } = host;
  const bootId = await readBootId(host);
  const untilMs = clock.monotonicMs() + formerBootMs;
  try {
    for (;;) {
      const { tunnelConnected, holder, identityConflict: conflict } = await gateway.status(signal);
      if (bootId !== '' && conflict?.refused.bootId === bootId) return holder ?? { address: '' };
      const isOther = tunnelConnected && holder?.bootId !== undefined && holder.bootId !== bootId;
      if (!isOther) return undefined;
      if (clock.monotonicMs() >= untilMs) return holder;
      await clock.sleep(askAgainMs, signal);
    }
  } catch (error) {
    // Whether the gateway has to be there is decided where it is told.
    if (error instanceof Fault) return undefined;
    throw error;
  }
}

async function openGateway(host: Host, state: NodeState | undefined): Promise<GatewayApi | undefined> {
  const identity = await readIdentity(host);
  if (identity === undefined || state === undefined) return undefined;
  return createGatewayApi({
    url: state.identity.gatewayUrl,
    ...identity,
    environment: host.environment,
    reload: () => readIdentity(host),
  });
}

async function tolerated<T>(force: boolean, promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (force && error instanceof Fault) return undefined;
    throw error;
  }
}
