// Whether a name or an address is a node's own. What a host says of itself is a claim: an address is taken
// for its own when the join came from it or its pool declares it, and nobody had it before; a name when it
// can be mistaken for nothing else in the cluster. The first owner keeps what it has. One answer for the
// join, each report, each certificate and each CONNECT. Pure.
import { type AddressRange, canonicalAddress, parseAddress, unusableKind } from '../resources/address.ts';

/** Who has a name or an address already. */
export interface Holder {
  readonly kind:
    | 'RegisteredNode'
    | 'Node'
    | 'expelled host'
    | 'Service'
    | 'EndpointSlice'
    | 'Pod'
    | 'API server'
    | 'gateway';
  readonly name: string;
  /** Since when; of two the earlier one is the owner. */
  readonly sinceMs: number;
  /** By its word and a range of its pool alone, beside the address of its kubelet. */
  readonly isByRange?: boolean;
}

export interface HeldRange {
  readonly range: AddressRange;
  /** `pods of the pool idc` */
  readonly what: string;
  /**
   * Since when; a node that was there before keeps its address. -Infinity: against everybody;
   * Infinity: against joins alone.
   */
  readonly sinceMs: number;
}

/** What is known of the cluster. */
export interface Claims {
  /** By canonical address, or by name in lower case. */
  holders(addressOrName: string): Iterable<Holder>;
  /** Ranges of pods and of services. */
  readonly ranges: readonly HeldRange[];
  /**
   * Domains of services and pods that pools name, beside `cluster.local`: no node gets a name
   * there, one that has it keeps it.
   */
  readonly domains: Iterable<string>;
}

export interface Claimant {
  readonly name: string;
  /** Since when it is registered; Infinity for what it has not had yet. */
  readonly sinceMs: number;
  /** Its connection comes from the address, so who has that by its word alone yields. */
  readonly isThere?: boolean;
}

/** What speaks for an address at a join. */
export interface Evidence {
  /** The other end of the connection. */
  readonly source: string;
  /** The pool's spec.nodeCidrs. */
  readonly nodeRanges: readonly AddressRange[];
}

/** undefined: it may be the claimant's. `address` is canonical. */
export function addressObjection(address: string, claimant: Claimant, claims: Claims): string | undefined {
  const kind = unusableKind(address);
  if (kind !== undefined) return `a ${kind} address is no node's own`;
  const parsed = parseAddress(address);
  const held = claims.ranges.find(
    ({ range, sinceMs }) => !(sinceMs > claimant.sinceMs) && range.contains(parsed),
  );
  if (held) return `it lies in ${held.range.text}, the ${held.what}`;
  return holderObjection(address, claimant, claims);
}

/** undefined: something other than the host's word says that the address is the host's. */
export function evidenceObjection(address: string, { source, nodeRanges }: Evidence): string | undefined {
  if (address === canonicalAddress(source)) return undefined;
  const parsed = parseAddress(address);
  if (nodeRanges.some((range) => range.contains(parsed))) return undefined;
  const declared = nodeRanges.map(({ text }) => text).join(', ');
  return `the connection came from ${source}, and ${
    declared === ''
      ? 'the pool declares no ranges of its hosts'
      : `it is in no range of the pool (${declared})`
  }`;
}

/** Only a range of the pool says that the address is the host's. */
export function isByRange(address: string, { source, nodeRanges }: Evidence): boolean {
  if (address === canonicalAddress(source) || canonicalAddress(address) === undefined) return false;
  const parsed = parseAddress(address);
  return nodeRanges.some((range) => range.contains(parsed));
}

/** Names that mean a machine itself, or the API server, wherever they are resolved. */
const reserved: ReadonlySet<string> = new Set(['localhost', 'kubernetes', 'kubernetes.default']);
const reservedDomains = ['localhost', 'localdomain', 'svc', 'cluster.local', 'in-addr.arpa', 'ip6.arpa'];

/** undefined: the node may be called that. Its form is the join's business. */
export function nameObjection(name: string, claimant: Claimant, claims: Claims): string | undefined {
  if (reserved.has(name)) return 'it means something else everywhere';
  // As resolvers read it: 10.1, 0x7f.1 and 167772161 are addresses.
  if (/(^|\.)(\d+|0x[0-9a-f]*)$/.test(name)) return 'it can be read as an IP address';
  const ofPools = claimant.sinceMs === Number.POSITIVE_INFINITY ? claims.domains : [];
  const domain = [...reservedDomains, ...ofPools].find((one) => isWithin(name, one));
  if (domain !== undefined) return `it lies in the domain ${domain}`;
  return holderObjection(name, claimant, claims);
}

function isWithin(name: string, domain: string): boolean {
  return domain !== '' && (name === domain || name.endsWith(`.${domain}`));
}

function holderObjection(key: string, claimant: Claimant, claims: Claims): string | undefined {
  for (const holder of claims.holders(key)) {
    if (claimant.isThere && holder.isByRange) continue;
    const hasItsName = holder.name === claimant.name;
    const isClaimant = holder.kind === 'RegisteredNode' && hasItsName;
    // A Node of its name that is not its own was there before it.
    const isBefore = (holder.kind === 'Node' && hasItsName) || isEarlier(holder, claimant);
    if (!isClaimant && isBefore) return `it belongs to the ${holder.kind} ${holder.name}`;
  }
  return undefined;
}

/**
 * Times of creation are whole seconds: two registrations of one second go by name, and all else goes before
 * them. Who can't say since when (NaN) came last.
 */
function isEarlier(holder: Holder, claimant: Claimant): boolean {
  if (holder.sinceMs !== claimant.sinceMs) return !(holder.sinceMs > claimant.sinceMs);
  return holder.kind !== 'RegisteredNode' || holder.name < claimant.name;
}
