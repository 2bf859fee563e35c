// Which of the addresses that a host states become its own. The first is the one that its kubelet listens
// on and that the API server dials: without it there is no node. Others, of further network cards, are
// left out where nothing speaks for them. Few may be had by a range of the pool alone, which is the
// host's word; and but for the first, such a one is given up to a host whose connection comes from it.
// Pure, but for asking the book once.
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { AddressBook } from '../addresses/book.ts';
import {
  addressObjection,
  type Claimant,
  type Claims,
  evidenceObjection,
  isByRange,
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
  /** Of them, beside the first, those that only a range speaks for. */
  readonly byRange: readonly string[];
  /** Whom the one that the connection comes from is to be taken from. */
  readonly yielding: readonly { readonly node: string; readonly address: string }[];
}

/** Both families of two network cards. */
const mostByRange = 4;

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
  const { judged, claims, ...others } = await judgeAddresses(book, claim, () => false);
  assertNameOwn(claim, claims);
  const [first] = judged;
  if (first?.detail !== undefined) {
    throw new Fault('ADDRESS_NOT_OWNED', { address: first.address, detail: first.detail, pool: claim.pool });
  }
  return { ...sorted(judged), ...others };
}

/**
 * Of a node that has joined and says where it is now. What it has already was proven at its join; without the
 * first address, `refused` says why and nothing is admitted.
 */
export async function readmitAddresses(
  book: Pick<AddressBook, 'current'>,
  claim: AddressClaim & { readonly existing: RegisteredNode },
): Promise<AdmittedAddresses & { readonly refused: JudgedAddress | undefined }> {
  const {
    judged,
    claims: _,
    ...others
  } = await judgeAddresses(book, claim, (address) => hasHad(address, claim));
  const [first] = judged;
  const refused = first?.detail === undefined ? undefined : first;
  const none = { addresses: [], byRange: [], yielding: [] };
  return { ...sorted(judged), ...others, ...(refused && none), refused };
}

interface Judgement {
  readonly judged: readonly JudgedAddress[];
  readonly claims: Claims;
}

async function judgeAddresses(
  book: Pick<AddressBook, 'current'>,
  claim: AddressClaim,
  isProven: (address: string) => boolean,
): Promise<Pick<AdmittedAddresses, 'byRange' | 'yielding'> & Judgement> {
  const evidence = { source: claim.source, nodeRanges: claim.nodeCidrs.flatMap(rangeOf) };
  const stated = [...new Set(claim.addresses.map((text) => canonicalAddress(text) ?? text))];
  const [firstNow] = stated;
  const isProvenBefore = (address: string) =>
    wasProven(address, claim) && (address === firstNow || !wasFirst(address, claim));
  const ofRange = stated.filter((address) => isByRange(address, evidence) && !isProvenBefore(address));
  const beyond = new Set(ofRange.slice(mostByRange));
  const unproven = stated.map((address) => {
    if (beyond.has(address)) return [address, `more than ${mostByRange} addresses by ranges`] as const;
    return [address, isProven(address) ? undefined : evidenceOf(address, evidence)] as const;
  });
  const proven = unproven.flatMap(([address, detail]) => (detail === undefined ? [address] : []));
  // Against what it has had no pod counts (claims.ts).
  const added = proven.filter((address) => claimantFor(address, claim).sinceMs === Number.POSITIVE_INFINITY);
  const claims = await book.current(added);
  const judged = unproven.map(([address, detail]) => ({
    address,
    detail: detail ?? addressObjection(address, claimantFor(address, claim), claims),
  }));
  const own = judged.flatMap(({ address, detail }) => (detail === undefined ? [address] : []));
  return {
    judged,
    claims,
    byRange: own.slice(1).filter((address) => ofRange.includes(address)),
    yielding: own
      .filter((address) => address === canonicalAddress(claim.source))
      .flatMap((address) => yieldingOf(address, claim.nodeName, claims)),
  };
}

function yieldingOf(address: string, self: string, claims: Claims): AdmittedAddresses['yielding'] {
  return [...claims.holders(address)].flatMap(({ name, isByRange }) =>
    isByRange && name !== self ? [{ node: name, address }] : [],
  );
}

function sorted(judged: readonly JudgedAddress[]): Pick<AdmittedAddresses, 'addresses' | 'leftOut'> {
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
  const isThere = address === canonicalAddress(claim.source);
  return { name, sinceMs: hasHad(address, claim) ? sinceMs(existing) : Number.POSITIVE_INFINITY, isThere };
}

/**
 * By a connection that came from it, or as its first, which may be by its word as well: so it is proven as
 * long as it is the first, or one after the other would be.
 */
function wasProven(address: string, claim: AddressClaim): boolean {
  return hasHad(address, claim) && !(claim.existing?.status?.addressesByRange?.includes(address) ?? false);
}

function wasFirst(address: string, { existing }: AddressClaim): boolean {
  return canonicalAddress(existing?.spec.addresses[0] ?? '') === address;
}

function hasHad(address: string, { existing }: AddressClaim): boolean {
  if (existing?.status?.joinedAt === undefined) return false;
  return existing.spec.addresses.some((text) => canonicalAddress(text) === address);
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
