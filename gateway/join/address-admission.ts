// Which of the addresses that a host states become its own. The first is the one that its kubelet listens on
// and that the API server dials: without it there is no node. Others, of further network cards, are left out
// where nothing speaks for them. Pure, but for asking the book once.
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { AddressBook } from '../addresses/book.ts';
import {
  addressObjection,
  type Claimant,
  type Claims,
  evidenceObjection,
  nameObjection,
} from '../addresses/claims.ts';
import { type AddressRange, canonicalAddress, parseRange } from '../resources/address.ts';
import type { RegisteredNode } from '../resources/registered-node.ts';

export interface AddressClaim {
  readonly nodeName: string;
  /** As the host states them. */
  readonly addresses: readonly string[];
  /** The other end of its connection. */
  readonly source: string;
  readonly pool: string;
  readonly nodeCidrs: readonly string[];
  /** When the host joins again. */
  readonly existing: RegisteredNode | undefined;
}

export interface AdmittedAddresses {
  readonly addresses: readonly string[];
  readonly leftOut: readonly { readonly address: string; readonly detail: string }[];
}

interface JudgedAddress {
  readonly address: string;
  /** Why it is not the host's own. */
  readonly detail: string | undefined;
}

/** Throws ADDRESS_NOT_OWNED for the first address, NODE_NAME_RESERVED or NODE_NAME_TAKEN for the name. */
export async function admitAddresses(
  book: Pick<AddressBook, 'current'>,
  claim: AddressClaim,
): Promise<AdmittedAddresses> {
  const { judged, claims } = await judgeAddresses(book, claim, () => false);
  assertNameOwn(claim, claims);
  const [first] = judged;
  if (first?.detail !== undefined) {
    throw new Fault('ADDRESS_NOT_OWNED', { address: first.address, detail: first.detail, pool: claim.pool });
  }
  return sorted(judged);
}

/**
 * Of a node that has joined and says where it is now. What it has already was proven at its join; without the
 * first address, `refused` says why and nothing is admitted.
 */
export async function readmitAddresses(
  book: Pick<AddressBook, 'current'>,
  claim: AddressClaim & { readonly existing: RegisteredNode },
): Promise<AdmittedAddresses & { readonly refused: JudgedAddress | undefined }> {
  const { judged } = await judgeAddresses(book, claim, (address) => hasHad(address, claim));
  const [first] = judged;
  const refused = first?.detail === undefined ? undefined : first;
  return { ...sorted(judged), ...(refused && { addresses: [] }), refused };
}

async function judgeAddresses(
  book: Pick<AddressBook, 'current'>,
  claim: AddressClaim,
  isProven: (address: string) => boolean,
): Promise<{ judged: readonly JudgedAddress[]; claims: Claims }> {
  const evidence = { source: claim.source, nodeRanges: claim.nodeCidrs.flatMap(rangeOf) };
  const stated = [...new Set(claim.addresses.map((text) => canonicalAddress(text) ?? text))];
  const unproven = stated.map(
    (address) => [address, isProven(address) ? undefined : evidenceOf(address, evidence)] as const,
  );
  const proven = unproven.flatMap(([address, detail]) => (detail === undefined ? [address] : []));
  // Against what it has had no pod counts (claims.ts).
  const added = proven.filter((address) => claimantFor(address, claim).sinceMs === Number.POSITIVE_INFINITY);
  const claims = await book.current(added);
  const judged = unproven.map(([address, detail]) => ({
    address,
    detail: detail ?? addressObjection(address, claimantFor(address, claim), claims),
  }));
  return { judged, claims };
}

function sorted(judged: readonly JudgedAddress[]): AdmittedAddresses {
  return {
    addresses: judged.flatMap(({ address, detail }) => (detail === undefined ? [address] : [])),
    leftOut: judged.flatMap(({ address, detail }) => (detail === undefined ? [] : [{ address, detail }])),
  };
}

function assertNameOwn({ nodeName: name, existing }: AddressClaim, claims: Claims): void {
  const detail = nameObjection(name, { name, sinceMs: sinceMs(existing) }, claims);
  if (detail !== undefined) throw new Fault('NODE_NAME_RESERVED', { name, detail });
}

function evidenceOf(address: string, evidence: Parameters<typeof evidenceObjection>[1]): string | undefined {
  return canonicalAddress(address) === undefined
    ? 'it is no IP address'
    : evidenceObjection(address, evidence);
}

/**
 * What it has had since it was registered is its own against whoever came later; anything
 * else only if nobody has it.
 */
function claimantFor(address: string, claim: AddressClaim): Claimant {
  const { nodeName: name, existing } = claim;
  return { name, sinceMs: hasHad(address, claim) ? sinceMs(existing) : Number.POSITIVE_INFINITY };
}

function hasHad(address: string, { existing }: AddressClaim): boolean {
  return existing?.spec.addresses.some((text) => canonicalAddress(text) === address) ?? false;
}

/** A claim whose join has not ended has had nothing, however old it is. */
function sinceMs(existing: RegisteredNode | undefined): number {
  if (existing?.status?.joinedAt === undefined) return Number.POSITIVE_INFINITY;
  return Date.parse(existing.metadata.creationTimestamp ?? '');
}

function rangeOf(text: string): readonly AddressRange[] {
  const range = parseRange(text);
  return range ? [range] : [];
}
