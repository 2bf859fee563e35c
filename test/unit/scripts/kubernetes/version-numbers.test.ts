// The versions that tests of upgrades go to, counted from what the programs say.
import { expect, test } from 'vitest';
import { nextMinor, patched } from '../../../../scripts/kubernetes/version-numbers.ts';

test('a later patch and the next minor version', () => {
  expect(patched('1.20.3', 2)).toBe('1.20.5');
  expect(patched('1.6.20', 100)).toBe('1.6.120');
  expect(nextMinor('1.36.2')).toBe('1.37.0');
  expect(() => patched('v1.20.3', 1)).toThrow('v1.20.3 is no version');
});
