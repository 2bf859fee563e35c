// Patterns of names, as a pool has them.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { matches } from '../../../../gateway/join/node-names.ts';
import { namePatternSchema } from '../../../../protocol/grammar.ts';

test.each<[string, string, boolean]>([
  ['idc-*', 'idc-1', true],
  ['idc-*', 'idc-', true],
  ['idc-*', 'ip-10-0-0-1', false],
  ['idc-*', 'my-idc-1', false],
  ['*.idc.example.com', 'a.idc.example.com', true],
  ['*.idc.example.com', 'idc.example.com', false],
  ['rack-*-host-*', 'rack-1-host-2', true],
  ['rack-*-host-*', 'rack-host-2', false],
  ['a*a', 'a', false],
  ['idc-1', 'idc-1', true],
  ['idc-1', 'idc-12', false],
  ['*', 'anything', true],
])('%s %s: %s', (pattern, name, expected) => {
  expect(namePatternSchema.safeParse(pattern).success).toBe(true);
  expect(matches(pattern, name)).toBe(expected);
});

test('are what a regular expression says', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '-', '*'), maxLength: 8 });
  const name = fc.string({ unit: fc.constantFrom('a', 'b', '-'), maxLength: 12 });
  fc.assert(
    fc.property(text, name, (pattern, one) => {
      expect(matches(pattern, one)).toBe(new RegExp(`^${pattern.replaceAll(/\*+/g, '.*')}$`).test(one));
    }),
  );
});
