// Laws of names and addresses for any of them: one text for each address however it is written,
// ranges that hold what they should, and never two nodes that own the same thing, in whatever order
// they came and whoever is removed.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  addressObjection,
  type Claims,
  type Holder,
  nameObjection,
} from '../../../gateway/addresses/claims.ts';
import { HolderIndex } from '../../../gateway/addresses/holder-index.ts';
import { parseConnectTarget } from '../../../gateway/egress/target.ts';
import {
  canonicalAddress,
  commonRange,
  parseAddress,
  parseRange,
  unusableKind,
} from '../../../gateway/resources/address.ts';

const v4 = fc.ipV4();
const address = fc.oneof(v4, fc.ipV6());

test('an address has one text, and its other writings are the same address', () => {
  fc.assert(
    fc.property(address, (text) => {
      const canonical = canonicalAddress(text);
      // ::ffff:0:0/96 and what fast-check writes with an IPv4 end become IPv4.
      expect(canonical).toBeDefined();
      expect(canonicalAddress(canonical ?? '')).toBe(canonical);
      expect(canonicalAddress(text.toUpperCase())).toBe(canonical);
    }),
  );
  fc.assert(
    fc.property(v4, (text) => {
      expect(canonicalAddress(`::ffff:${text}`)).toBe(canonicalAddress(text));
    }),
  );
});

test('what is no address has no text, whatever it is', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.domain(),
        address.map((text) => `${text}%eth0`),
      ),
      (text) => {
        fc.pre(!/^[0-9a-f:.]+$/i.test(text));
        expect(canonicalAddress(text)).toBeUndefined();
      },
    ),
  );
});

test('a range holds its own address and only its family; any text is a range or none', () => {
  fc.assert(
    fc.property(v4, fc.integer({ min: 0, max: 32 }), address, (base, prefix, other) => {
      const range = parseRange(`${base}/${prefix}`);
      expect(range?.contains(parseAddress(base))).toBe(true);
      expect(parseRange(range?.text ?? '')?.text).toBe(range?.text);
      const canonical = canonicalAddress(other) ?? '';
      if (canonical.includes(':')) expect(range?.contains(parseAddress(canonical))).toBe(false);
      if (prefix === 0 && !canonical.includes(':'))
        expect(range?.contains(parseAddress(canonical))).toBe(true);
    }),
  );
  fc.assert(fc.property(fc.string(), (text) => void parseRange(text)));
});

test('a common range holds all that it was made of, and lies in every range that does', () => {
  fc.assert(
    fc.property(
      v4,
      fc.integer({ min: 8, max: 32 }),
      fc.array(fc.integer({ min: 0, max: 2 ** 24 - 1 }), { minLength: 1, maxLength: 20 }),
      (base, prefix, offsets) => {
        const bits = base.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
        const size = 2 ** (32 - prefix);
        const first = Math.floor(bits / size) * size;
        const texts = offsets.map((offset) => dotted(first + (offset % size)));
        const common = commonRange(texts);
        for (const text of texts) expect(common?.contains(parseAddress(text))).toBe(true);
        expect(Number(common?.text.split('/')[1])).toBeGreaterThanOrEqual(prefix);
      },
    ),
  );
});

function dotted(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}

test('no name that a CONNECT can give is both an address and a name of a node', () => {
  const nobodys: Claims = { holders: () => [], ranges: [], domains: [] };
  fc.assert(
    fc.property(fc.oneof(address, fc.domain(), fc.stringMatching(/^[0-9a-fx.]{1,12}$/)), (host) => {
      const target = parseConnectTarget(host.includes(':') ? `[${host}]:10250` : `${host}:10250`);
      fc.pre(target !== undefined && canonicalAddress(target.host) !== undefined);
      if (!host.includes(':'))
        expect(nameObjection(host.toLowerCase(), { name: 'n', sinceMs: 0 }, nobodys)).toBeDefined();
    }),
  );
});

interface Step {
  readonly node: string;
  readonly addresses: readonly string[];
}

const few = fc.constantFrom('10.77.0.1', '10.77.0.2', '10.77.0.3', '10.77.0.4');
const step: fc.Arbitrary<Step> = fc.record({
  node: fc.constantFrom('a', 'b', 'c', 'd'),
  // None: it is removed.
  addresses: fc.uniqueArray(few, { maxLength: 3 }),
});

test('at any time each address has one owner at most, the earliest that is there, and somebody if anybody claims it', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const index = new HolderIndex();
      const since = new Map<string, number>();
      const held = new Map<string, readonly string[]>();
      for (const [at, { node, addresses }] of steps.entries()) {
        if (addresses.length === 0) since.delete(node);
        // Times of creation are coarse: two in a row may have the same.
        else if (!since.has(node)) since.set(node, Math.floor(at / 2));
        held.set(node, addresses);
        index.set(node, addresses);
        const holders = (key: string): Holder[] =>
          [...index.holders(key)].map((name) => ({
            kind: 'RegisteredNode',
            name,
            sinceMs: since.get(name) ?? Number.NaN,
          }));
        const claims: Claims = { holders, ranges: [], domains: [] };
        for (const one of ['10.77.0.1', '10.77.0.2', '10.77.0.3', '10.77.0.4']) {
          const claiming = [...held].filter(([, all]) => all.includes(one)).map(([name]) => name);
          expect([...index.holders(one)].toSorted()).toEqual(claiming.toSorted());
          const owners = claiming.filter(
            (name) => addressObjection(one, { name, sinceMs: since.get(name) ?? 0 }, claims) === undefined,
          );
          const [first] = claiming.toSorted(
            (a, b) => (since.get(a) ?? 0) - (since.get(b) ?? 0) || (a < b ? -1 : 1),
          );
          expect(owners).toEqual(first === undefined ? [] : [first]);
        }
      }
    }),
  );
});

test('no address of this machine, of a link, or of many is ever a node’s own', () => {
  const nobodys: Claims = { holders: () => [], ranges: [], domains: [] };
  const inside = (range: string) =>
    fc
      .tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 255 }))
      .map(([a, b]) => `${range}.${a}.${b}`);
  const bad = fc.oneof(...['127.0', '127.255', '169.254', '224.0', '239.255', '0.0'].map(inside));
  fc.assert(
    fc.property(bad, fc.boolean(), (text, mapped) => {
      const canonical = canonicalAddress(mapped ? `::ffff:${text}` : text) ?? '';
      expect(unusableKind(canonical)).toBeDefined();
      expect(addressObjection(canonical, { name: 'n', sinceMs: 0 }, nobodys)).toBeDefined();
    }),
  );
});
