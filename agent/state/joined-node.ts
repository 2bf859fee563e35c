// The node that this host is, as its own files say: what the doctor begins with. Nothing here asks anybody.
import type { Host } from '../host/host.ts';
import { type Identity, readIdentity } from '../identity/store.ts';
import { whyNotJoined } from '../plan/recovery.ts';
import { type NodeState, readState } from './state.ts';
import { type DaemonStatus, readStatus } from './status.ts';

export interface JoinedNode {
  readonly state: NodeState;
  /** undefined when a file of it is missing. */
  readonly identity: Identity | undefined;
  /** What the daemon wrote last; undefined when none has run since the boot. */
  readonly daemon: DaemonStatus | undefined;
}

/** Throws NOT_JOINED, STATE_LOST, or CONFIGURATION_INVALID when regnode's own memory is damaged. */
export async function readJoinedNode(host: Host): Promise<JoinedNode> {
  const state = await readState(host);
  if (state === undefined) throw await whyNotJoined(host);
  const [identity, daemon] = await Promise.all([readIdentity(host), readStatus(host)]);
  return { state, identity, daemon };
}
