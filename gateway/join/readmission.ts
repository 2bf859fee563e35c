// Who may have a name that is registered already. The key is the node: with the old key, which the request
// proves, a host takes its name again; with another key only when an operator has said so for this name
// (regnodectl node readmit), once, for a while. A machine id proves nothing, since every user of a host can
// read it: another one is refused even with the key, and so is other hardware, which a copied disk has.
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { Hardware, Machine } from '../../protocol/messages/machine.ts';
import type { RegisteredNode, RegisteredNodeSpec } from '../resources/registered-node.ts';
import { otherMachine } from './hardware.ts';

/** In spec.readmission.machineId. */
export const anyMachine = '*';

export interface Returning {
  readonly pool: string;
  readonly keySha256: string;
  readonly machineId: string;
  readonly hardware?: Hardware | undefined;
}

/** Throws for whoever may not. A node that is connected is not replaced by anybody. */
export function assertMayReturn(
  existing: RegisteredNode,
  host: Returning,
  isConnected: boolean,
  now: number,
): void {
  const { name, deletionTimestamp } = existing.metadata;
  const { spec } = existing;
  const isAllowed = isReadmitted(existing, host.machineId, now);
  if (spec.machineId !== host.machineId && !isAllowed) throw new Fault('NODE_NAME_TAKEN', { name });
  if (spec.pool !== host.pool) throw new Fault('NODE_IN_OTHER_POOL', { name, pool: spec.pool });
  if (deletionTimestamp) throw new Fault('NODE_LEAVING', { name });
  if (isConnected) throw new Fault('NODE_CONNECTED', { name });
  // A join that never ended has given nobody a certificate: there is no node yet to be taken for.
  const isNode = existing.status?.joinedAt !== undefined;
  const other = isNode && !isAllowed ? otherMachine(existing, host.hardware) : undefined;
  if (other) throw other;
  if (isNode && spec.keySha256 !== host.keySha256 && !isAllowed)
    throw new Fault('NODE_KEY_UNKNOWN', { name, pool: spec.pool });
}

/** The spec after the host has come back; throws when what allowed it was used meanwhile. */
export function returned(
  existing: RegisteredNode,
  host: Returning,
  addresses: readonly string[],
  now: number,
): RegisteredNodeSpec {
  assertMayReturn(existing, host, false, now);
  const { readmission: _used, ...spec } = existing.spec;
  const { keySha256, machineId } = host;
  const isOwn = existing.spec.keySha256 === keySha256 && existing.spec.machineId === machineId;
  // Who has the key needs no leave, and leaves it for whom it was meant.
  return { ...(isOwn ? existing.spec : spec), keySha256, machineId, addresses: [...addresses] };
}

/** An operator has let a host with this machine id take the name. */
export function isReadmitted({ spec }: RegisteredNode, machineId: string, now: number): boolean {
  const { readmission } = spec;
  if (!readmission || !(Date.parse(readmission.until) > now)) return false;
  const meant = readmission.machineId ?? spec.machineId;
  return meant === anyMachine || meant === machineId;
}

/** Why the machine in a HELLO does not get in; its machine-id is said later, with its facts. */
export function judgeMachine(
  existing: RegisteredNode | undefined,
  { hardware }: Machine,
  now: number,
): Fault | undefined {
  const other = existing && otherMachine(existing, hardware);
  return other && !isReadmitted(existing, existing.spec.machineId, now) ? other : undefined;
}
