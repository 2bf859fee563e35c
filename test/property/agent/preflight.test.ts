// Whatever a host says, a reader answers: torn, mixed and hostile texts cost nothing but their own meaning.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { displayWidth, wrap } from '../../../agent/preflight/layout.ts';
import {
  addressOf,
  contains,
  overlaps,
  parseAddress,
} from '../../../agent/preflight/observation/addresses.ts';
import { deviceNature } from '../../../agent/preflight/observation/devices.ts';
import { parsePolicies } from '../../../agent/preflight/observation/ipsec.ts';
import { parseKernelConfig } from '../../../agent/preflight/observation/kernel-config.ts';
import { parseLinks } from '../../../agent/preflight/observation/links.ts';
import { parseSockets } from '../../../agent/preflight/observation/listeners.ts';
import { parseOsRelease } from '../../../agent/preflight/observation/os-release.ts';
import { parseIptablesSave, parseNft } from '../../../agent/preflight/observation/packet-filter.ts';
import { isExempt, withoutCredentials } from '../../../agent/preflight/observation/proxies.ts';
import { parseSysctlFile } from '../../../agent/preflight/observation/sysctl-files.ts';
import { parseUnits } from '../../../agent/preflight/observation/units.ts';
import { isAtLeast } from '../../../protocol/compatibility/versions.ts';

const scraps = fc.constantFrom(
  ...[
    'src ',
    'dst ',
    '\n',
    ' ',
    '\t',
    '=',
    '"',
    "'",
    '\\',
    '<UP>',
    'mtu 1500',
    ': ',
    '@',
    'link/ether',
    '0A',
  ],
  ...[
    'Id=',
    'ActiveState=active',
    'CONFIG_',
    '=y',
    'chain ',
    'policy drop',
    '{',
    '}',
    ':INPUT DROP',
    '1: eth0',
    '/',
    '\0',
  ],
);
const hostile = fc
  .array(fc.oneof(scraps, fc.string({ maxLength: 12 }), fc.string({ unit: 'binary', maxLength: 6 })), {
    maxLength: 60,
  })
  .map((parts) => parts.join(''));

describe('readers never throw', () => {
  const readers: Readonly<Record<string, (text: string) => unknown>> = {
    parseOsRelease,
    parseKernelConfig,
    parseUnits,
    parsePolicies,
    parseIptablesSave,
    parseNft,
    parseSockets: (text) => parseSockets('tcp', text),
    parseSysctlFile: (text) => parseSysctlFile('file', text),
    links: (text) => parseLinks(text).map((link, _, all) => deviceNature(all, link.name)),
    isAtLeast: (text) => isAtLeast(text, text),
    isExempt: (text) => isExempt(text, text),
    addresses: (text) => [contains(text, text), overlaps(text, text), parseAddress(text)],
  };

  test.each(Object.entries(readers))('%s', (_, read) => {
    fc.assert(
      fc.property(hostile, (text) => {
        expect(() => read(text)).not.toThrow();
      }),
      { numRuns: 2000 },
    );
  });
});

test('a range contains its own addresses, and no address of another family', () => {
  fc.assert(
    fc.property(fc.ipV4(), fc.integer({ min: 0, max: 32 }), fc.ipV6(), (v4, prefix, v6) => {
      expect(contains(`${v4}/${prefix}`, v4)).toBe(true);
      expect(contains(`${v4}/${prefix}`, v6)).toBe(false);
      expect(contains(`${v6}/64`, v6)).toBe(true);
    }),
  );
});

test('two ranges overlap in either order alike', () => {
  const range = fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })).map(([ip, prefix]) => `${ip}/${prefix}`);
  fc.assert(
    fc.property(range, range, (a, b) => {
      expect(overlaps(a, b)).toBe(overlaps(b, a));
      expect(overlaps(a, a)).toBe(true);
      expect(overlaps('0.0.0.0/0', addressOf(a))).toBe(true);
    }),
  );
});

test('no password of a proxy is left, whatever signs are in it', () => {
  const password = fc.string({ minLength: 1, maxLength: 20 }).map((text) => `s3cret${text}s3cret`);
  fc.assert(
    fc.property(password, (secret) => {
      expect(withoutCredentials(`http://user:${secret}@proxy:3128`)).toBe('http://proxy:3128');
      expect(withoutCredentials(`user:${secret}@proxy:3128`)).not.toContain('s3cret');
    }),
  );
});

test('wrapped text keeps its words, and its lines keep their width', () => {
  const word = fc.stringMatching(/^[a-z]{1,8}$/);
  fc.assert(
    fc.property(
      fc.array(word, { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 8, max: 40 }),
      (words, width) => {
        const lines = wrap(words.join(' '), width);
        expect(lines.join(' ').split(' ')).toEqual(words);
        for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(width);
      },
    ),
  );
});
