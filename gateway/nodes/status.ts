// Computes a RegisteredNode's status from what is seen: pure. It is written only when something in it has
// changed; heartbeats and metrics are no part of it.

import { isDeepStrictEqual } from 'node:util';
import { describeHost, type IdentityConflict, type SeenHost } from '../../protocol/messages/machine.ts';
import { printable } from '../../protocol/printable.ts';
import { told } from '../kubernetes/event-recorder.ts';
import type { NodeObject } from '../kubernetes/kinds.ts';
import type { Condition, RegisteredNode, RegisteredNodeStatus } from '../resources/registered-node.ts';
import { withoutEmpty } from '../resources/without-empty.ts';
import { healthConditions } from './health.ts';
import { boundedReport } from './report-bounds.ts';
import type { Report } from './tunnels.ts';
import { upgradeConditions } from './upgrade-conditions.ts';

export interface Observation {
  readonly node: NodeObject | undefined;
  /** undefined: this replica has never had a tunnel of it. */
  readonly tunnel:
    | {
        connected: boolean;
        sinceMs: number;
        report: Report | undefined;
        claimed: boolean;
        host?: SeenHost | undefined;
      }
    | undefined;
  /** Another host that asks for this node. */
  readonly conflict?: IdentityConflict | undefined;
  /** Name of this replica. */
  readonly gateway: string;
  /** Whether a replica of the gateway is alive. */
  readonly isLive: (gateway: string) => boolean;
  /** After a start agents get this long to come back before they are said to be gone. */
  readonly settled: boolean;
  readonly desiredRevision: string | undefined;
  /** What of its name and addresses is not its own. */
  readonly contested: readonly { readonly what: string; readonly detail: string }[];
  readonly nowMs: number;
}

export function nodeStatus(registered: RegisteredNode, seen: Observation): RegisteredNodeStatus {
  const before = registered.status ?? {};
  const report = seen.tunnel?.report;
  const tunnel = tunnelStatus(before, seen);
  const ready = readyOf(seen.node);
  // A gateway that has just started does not know yet who will ask.
  const conflict = seen.conflict ?? (seen.settled ? undefined : before.identityConflict);
  const revision = report?.revision ?? before.revision;
  const phase = registered.metadata.deletionTimestamp
    ? 'Leaving'
    : (report?.phase ?? before.phase ?? 'Joining');
  const facts: readonly Omit<Condition, 'lastTransitionTime'>[] = [
    {
      type: 'TunnelConnected',
      status: tunnel?.connected ? 'True' : 'False',
      ...told(tunnelCode(tunnel), { gateway: tunnel?.gateway ?? '' }),
    },
    {
      type: 'Configured',
      status:
        seen.desiredRevision === undefined ? 'Unknown' : revision === seen.desiredRevision ? 'True' : 'False',
      ...(seen.desiredRevision === undefined
        ? told('NO_DESIRED_STATE', { detail: 'see the events of this node' })
        : told(revision === seen.desiredRevision ? 'AS_DESIRED' : 'BEHIND', {
            revision: revision ?? 'none',
            desired: seen.desiredRevision,
          })),
    },
    {
      type: 'Ready',
      status: ready === 'Absent' ? 'False' : ready,
      // A Node that is there speaks for itself.
      ...(ready === 'Absent'
        ? told('NO_NODE_OBJECT')
        : { reason: 'Kubelet', message: readyMessage(seen.node) }),
    },
    addressesOwned(registered, seen.contested),
    identityUnique(tunnel?.host, conflict),
    ...upgradeConditions(report ?? before),
  ];
  return withoutEmpty({
    ...before,
    ...(report && boundedReport(report, before)),
    phase,
    ...(tunnel ? { tunnel } : {}),
    identityConflict: conflict,
    ready,
    conditions: [
      ...conditions(before.conditions ?? [], facts, seen.nowMs),
      ...healthConditions(before.conditions ?? [], report?.health, seen.nowMs),
    ],
  });
}

function identityUnique(
  holder: SeenHost | undefined,
  conflict: IdentityConflict | undefined,
): Omit<Condition, 'lastTransitionTime'> {
  const type = 'IdentityUnique';
  if (conflict === undefined) return { type, status: 'True', ...told('IDENTITY_UNIQUE') };
  const detail = conflict.detail === undefined ? conflict.code : `${conflict.code}: ${conflict.detail}`;
  const values = {
    holder: holder ? describeHost(holder) : '-',
    refused: describeHost(conflict.refused),
    detail,
  };
  return { type, status: 'False', ...told('IDENTITY_SHARED', values) };
}

function addressesOwned(
  { spec, status }: RegisteredNode,
  contested: Observation['contested'],
): Omit<Condition, 'lastTransitionTime'> {
  const type = 'AddressesOwned';
  const addresses = spec.addresses.join(', ');
  if (contested.length > 0) {
    const detail = contested.map((one) => `${one.what}: ${one.detail}`).join('; ');
    return { type, status: 'False', ...told('ADDRESS_CONTESTED', { detail }) };
  }
  const { addressRefused } = status ?? {};
  if (addressRefused === undefined)
    return { type, status: 'True', ...told('ADDRESSES_OWNED', { addresses }) };
  const values = { ...addressRefused, addresses, pool: spec.pool };
  return { type, status: 'False', ...told('ADDRESS_REFUSED', values) };
}

/**
 * The replica that gets a session writes itself here once; from then on another live replica's word stands
 * until it is taken back, or the node has a new session here. So two never write against each other.
 */
function tunnelStatus(before: RegisteredNodeStatus, seen: Observation): RegisteredNodeStatus['tunnel'] {
  const { tunnel, gateway, isLive, settled, nowMs } = seen;
  const holder = before.tunnel;
  const isOurs = holder?.gateway === gateway;
  const isElsewhere = holder?.connected === true && !isOurs && isLive(holder.gateway);
  if (tunnel?.connected && (isOurs || !isElsewhere || !tunnel.claimed)) {
    return { connected: true, since: time(tunnel.sinceMs), gateway, ...seenOf(tunnel.host) };
  }
  if (tunnel && isOurs)
    return { connected: false, since: time(tunnel.sinceMs), gateway, ...seenOf(tunnel.host) };
  // After a start of ours, or after the end of another replica, agents get some time to come back.
  if (holder?.connected && !isElsewhere && settled) {
    return { ...holder, connected: false, since: time(nowMs) };
  }
  return holder;
}

const seenOf = (host: SeenHost | undefined) => (host ? { host } : {});

export function readyOf(node: NodeObject | undefined): 'True' | 'False' | 'Unknown' | 'Absent' {
  if (!node) return 'Absent';
  const status = node.status?.conditions?.find(({ type }) => type === 'Ready')?.status;
  return status === 'True' || status === 'False' ? status : 'Unknown';
}

/** By the kubelet's own clock; empty when it has said nothing. */
export function readyHeartbeatOf(node: NodeObject | undefined): string {
  return node?.status?.conditions?.find(({ type }) => type === 'Ready')?.lastHeartbeatTime ?? '';
}

export function readyMessage(node: NodeObject | undefined): string {
  if (!node) return 'the kubelet has not registered yet';
  return printable(node.status?.conditions?.find(({ type }) => type === 'Ready')?.message ?? '', 500);
}

function conditions(
  before: readonly Condition[],
  facts: readonly Omit<Condition, 'lastTransitionTime'>[],
  nowMs: number,
): Condition[] {
  return facts.map((fact) => {
    const old = before.find(({ type }) => type === fact.type);
    const unchanged = old?.status === fact.status;
    return { ...fact, lastTransitionTime: unchanged ? old.lastTransitionTime : time(nowMs) };
  });
}

/** True when two statuses say the same. */
export function sameStatus(a: RegisteredNodeStatus | undefined, b: RegisteredNodeStatus): boolean {
  return isDeepStrictEqual(a ?? {}, b);
}

const time = (milliseconds: number) => new Date(milliseconds).toISOString();

function tunnelCode(tunnel: { connected: boolean } | undefined) {
  if (tunnel === undefined) return 'TUNNEL_NEVER_CONNECTED';
  return tunnel.connected ? 'TUNNEL_CONNECTED' : 'TUNNEL_LOST';
}
