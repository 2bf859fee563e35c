// IP addresses and ranges as numbers: what lies in what. Pure.

interface Address {
  readonly bits: 32 | 128;
  readonly value: bigint;
}

/** Ranges that no router of the internet carries: RFC 1918, RFC 6598 (used in clouds), and RFC 4193. */
const privateRanges = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7'];
const selfRanges = ['127.0.0.0/8', '::1/128', '169.254.0.0/16', 'fe80::/10', '0.0.0.0/8', '::/128'];

export function isAddress(text: string): boolean {
  return parseAddress(text) !== undefined;
}

export function isPrivate(address: string): boolean {
  return privateRanges.some((range) => contains(range, address));
}

/** Loopback, link-local or unspecified: an address that means something else on every host. */
export function isOfHostOnly(address: string): boolean {
  return selfRanges.some((range) => contains(range, address));
}

export function contains(range: string, address: string): boolean {
  const inner = parseAddress(address);
  const outer = parseRange(range);
  if (!inner || !outer || inner.bits !== outer.base.bits) return false;
  const shift = BigInt(inner.bits - outer.prefix);
  return inner.value >> shift === outer.base.value >> shift;
}

/** True when the two ranges share an address. */
export function overlaps(a: string, b: string): boolean {
  return contains(a, addressOf(b)) || contains(b, addressOf(a));
}

/** The address of `10.0.0.1/24`. */
export function addressOf(range: string): string {
  return range.split('/')[0] ?? range;
}

export function parseAddress(text: string): Address | undefined {
  return text.includes(':') ? parseV6(text) : parseV4(text);
}

function parseRange(text: string): { base: Address; prefix: number } | undefined {
  const [address = '', length] = text.split('/');
  const base = parseAddress(address);
  if (!base) return undefined;
  const prefix = length === undefined ? base.bits : Number(length);
  return Number.isInteger(prefix) && prefix >= 0 && prefix <= base.bits ? { base, prefix } : undefined;
}

function parseV4(text: string): Address | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255)) {
    return undefined;
  }
  return { bits: 32, value: parts.reduce((sum, part) => (sum << 8n) + BigInt(part), 0n) };
}

function parseV6(text: string): Address | undefined {
  const [head = '', tail, ...rest] = withoutDotted(text.replace(/%.*$/, '')).split('::');
  if (rest.length > 0) return undefined;
  const left = words(head);
  const right = tail === undefined ? [] : words(tail);
  const gap = 8 - left.length - right.length;
  if (tail === undefined ? gap !== 0 : gap < 1) return undefined;
  const all = [...left, ...Array.from({ length: Math.max(gap, 0) }, () => '0'), ...right];
  if (!all.every((word) => /^[0-9a-f]{1,4}$/i.test(word))) return undefined;
  return { bits: 128, value: all.reduce((sum, word) => (sum << 16n) + BigInt(`0x${word}`), 0n) };
}

/** `::ffff:10.0.0.1` → `::ffff:a00:1`. */
function withoutDotted(text: string): string {
  const dotted = /[^:]*\.[^:]*$/.exec(text)?.[0];
  const v4 = dotted === undefined ? undefined : parseV4(dotted);
  if (dotted === undefined || v4 === undefined) return text;
  const tail = `${(v4.value >> 16n).toString(16)}:${(v4.value & 0xffffn).toString(16)}`;
  return text.slice(0, -dotted.length) + tail;
}

function words(text: string): readonly string[] {
  return text === '' ? [] : text.split(':');
}
