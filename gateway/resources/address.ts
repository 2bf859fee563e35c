// IP addresses and ranges, each with one text: IPv4 in IPv6 is the IPv4 address, letters are small, zeros are
// short. What is no address or range has none. Nothing here knows whose an address is. Pure.
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

export type ParsedAddress = ipaddr.IPv4 | ipaddr.IPv6;

export interface AddressRange {
  /** `10.77.0.0/24`, with the bits behind the prefix as they were given. */
  readonly text: string;
  contains(address: ParsedAddress): boolean;
}

/** Kinds of address that mean something else on every machine, many machines, or another address. */
const unusable: ReadonlySet<string> = new Set([
  'unspecified',
  'loopback',
  'linkLocal',
  'multicast',
  'broadcast',
  'ipv4Mapped',
  'rfc6145',
  'rfc6052',
  '6to4',
  'teredo',
  'deprecatedSiteLocal',
  'discard',
]);

/** undefined: not an address. A zone (`fe80::1%eth0`) is of one machine, so it makes it none. */
export function canonicalAddress(text: string): string | undefined {
  return isIP(text) === 0 || text.includes('%') ? undefined : ipaddr.process(text).toString();
}

/** Of a canonical address; for those who ask many ranges. */
export function parseAddress(canonical: string): ParsedAddress {
  return ipaddr.process(canonical);
}

/** `127.0.0.1` → `loopback`; undefined for an address that can be one machine's own. */
export function unusableKind(address: string): string | undefined {
  const kind: string = ipaddr.process(address).range();
  return unusable.has(kind) ? kind : undefined;
}

/** `10.77.0.0/24`, or one address; undefined when it is neither. */
export function parseRange(text: string): AddressRange | undefined {
  const [address = '', length, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || address.includes('%') || rest.length > 0) return undefined;
  const bits = family === 4 ? 32 : 128;
  if (length !== undefined && !(/^(0|[1-9]\d{0,2})$/.test(length) && Number(length) <= bits))
    return undefined;
  const base = ipaddr.parse(address);
  const prefix = length === undefined ? bits : Number(length);
  return {
    text: `${base.toString()}/${prefix}`,
    contains: (address) => address.kind() === base.kind() && address.match(base, prefix),
  };
}

/** The smallest range that holds all of these, which are of one family. */
export function commonRange(addresses: readonly string[]): AddressRange | undefined {
  const [first, ...others] = addresses.map((address) => ipaddr.process(address).toByteArray());
  if (first === undefined) return undefined;
  const prefix = others.reduce((bits, bytes) => Math.min(bits, commonBits(first, bytes)), first.length * 8);
  return parseRange(`${ipaddr.fromByteArray(first).toString()}/${prefix}`);
}

function commonBits(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((byte, index) => byte !== b[index]);
  if (at < 0) return a.length * 8;
  return at * 8 + Math.clz32((a[at] ?? 0) ^ (b[at] ?? 0)) - 24;
}

/** What one peer may have as many of as it likes: an IPv6 address counts with its /64. */
export function network(address: string): string {
  const canonical = canonicalAddress(address.split('%', 1)[0] ?? '');
  if (canonical === undefined) return address;
  const parsed = parseAddress(canonical);
  if (!('parts' in parsed)) return canonical;
  const groups = parsed.parts.slice(0, 4).map((group) => group.toString(16));
  return `${groups.join(':')}::/64`;
}
