// What a joined host says of itself again: at each connection, and when it has become another (an upgraded
// kernel, another address). Facts are shown and choose versions; an address becomes the node's own by the
// rules of a join, and one that it has is kept until it names another that is its own. Which machine it is
// stays as the join told: that is what a copy of the host would change. Of its hardware one kind may change
// at a time, by a repair; more only when an operator has said so (regnodectl node readmit), which is used up.
import { isDeepStrictEqual } from 'node:util';
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { FactsResponse, HostFacts } from '../../protocol/messages/join.ts';
import type { Hardware } from '../../protocol/messages/machine.ts';
import type { AddressBook } from '../addresses/book.ts';
import { type Kubernetes, update } from '../kubernetes/kubernetes.ts';
import { nodePools, poolSpec } from '../resources/node-pool.ts';
import {
  type RegisteredNode,
  type RegisteredNodeStatus,
  registeredNodes,
} from '../resources/registered-node.ts';
import { withoutEmpty } from '../resources/without-empty.ts';
import { readmitAddresses } from './address-admission.ts';
import { compareHardware, mergedHardware } from './hardware.ts';
import { isReadmitted } from './readmission.ts';
import {
  rememberByRange,
  sharedWithOthers,
  stillByRange,
  takeYielded,
  writeAddresses,
} from './taken-addresses.ts';

export interface RestatementDesk {
  readonly kubernetes: Kubernetes;
  readonly book: Pick<AddressBook, 'current'>;
  readonly now: () => number;
}

export interface Restated {
  readonly answer: FactsResponse;
  /** undefined: they are as they were. */
  readonly addressesBefore: readonly string[] | undefined;
  readonly factsChanged: boolean;
}

/**
 * Of the registration as it is now; `source` is the other end of the connection. Throws NODE_NOT_REGISTERED.
 */
export async function restate(
  { kubernetes, book, now }: RestatementDesk,
  existing: RegisteredNode,
  facts: HostFacts,
  source: string,
): Promise<Restated> {
  const nodeName = existing.metadata.name;
  if (existing.status?.joinedAt === undefined) throw new Fault('NODE_NOT_REGISTERED', { name: nodeName });
  const { pool, addresses: before } = existing.spec;
  const spec = await kubernetes.get(nodePools, pool).then((found) => found && poolSpec(found));
  const judged = await readmitAddresses(book, {
    ...{ nodeName, source, existing, pool },
    addresses: facts.addresses,
    nodeCidrs: spec?.nodeCidrs ?? [],
  });
  let { addresses, refused } = judged;
  await takeYielded(kubernetes, judged.yielding);
  if (refused === undefined && !isDeepStrictEqual(addresses, before)) {
    await rememberByRange(kubernetes, existing, judged.byRange);
    await writeAddresses(kubernetes, existing, before, addresses);
    const shared = await sharedWithOthers(
      kubernetes,
      nodeName,
      addresses.filter((one) => !before.includes(one)),
    );
    if (shared !== undefined) {
      // Two that took it in the same moment: neither is believed.
      await writeAddresses(kubernetes, existing, addresses, before);
      refused = shared;
    }
  }
  if (refused !== undefined) addresses = before;
  const refusal = refused && {
    address: refused.address.slice(0, 45),
    detail: (refused.detail ?? '').slice(0, 500),
  };
  const hardware = await admittedHardware(kubernetes, existing, facts, now());
  const byRange = refused === undefined ? judged.byRange : [];
  const addressing = (current: RegisteredNode) => ({
    addressesByRange: [...stillByRange(current, byRange, source)],
    ...(refusal && { addressRefused: refusal }),
  });
  const factsChanged = await writeFacts(kubernetes, existing, { ...facts, hardware }, addressing);
  return {
    answer: {
      addresses: [...addresses],
      ...(refusal && { refused: refusal }),
    },
    addressesBefore: isDeepStrictEqual(addresses, before) ? undefined : before,
    factsChanged,
  };
}

/** The hardware that is known from now on. */
async function admittedHardware(
  kubernetes: Kubernetes,
  existing: RegisteredNode,
  { hardware, machineId }: HostFacts,
  now: number,
): Promise<Hardware | undefined> {
  const known = existing.status?.facts?.hardware;
  if (compareHardware(known, hardware).comparison !== 'other') return mergedHardware(known, hardware);
  if (!isReadmitted(existing, machineId, now)) return known;
  const { name, uid } = existing.metadata;
  await update(kubernetes, registeredNodes, { name }, (current: RegisteredNode) => {
    if (current.metadata.uid !== uid || current.spec.readmission === undefined) return undefined;
    const { readmission: _used, ...spec } = current.spec;
    return { ...current, spec };
  });
  return hardware;
}

/** Under the key that it had: another host may have the name by now. True when something was written. */
async function writeFacts(
  kubernetes: Kubernetes,
  { metadata: { name, uid }, spec: { keySha256 } }: RegisteredNode,
  facts: Omit<HostFacts, 'hardware'> & { readonly hardware: Hardware | undefined },
  addressing: (current: RegisteredNode) => Pick<RegisteredNodeStatus, 'addressRefused' | 'addressesByRange'>,
): Promise<boolean> {
  let changed = false;
  await update(kubernetes, registeredNodes, { name, subresource: 'status' }, (current: RegisteredNode) => {
    if (current.metadata.uid !== uid || current.spec.keySha256 !== keySha256) return undefined;
    if (current.status === undefined) return undefined;
    const { addressRefused: _, addressesByRange: before = [], ...rest } = current.status;
    const { machineId = facts.machineId, productUuid = facts.productUuid } = rest.facts ?? {};
    const told = { ...facts, machineId, ...(productUuid !== undefined && { productUuid }) };
    const status = withoutEmpty({ ...rest, facts: told, ...addressing(current) });
    changed = !isDeepStrictEqual(status, { ...current.status, addressesByRange: before });
    return changed ? { ...current, status } : undefined;
  });
  return changed;
}
