import { describe, expect, test } from 'vitest';
import { select, UsageError } from '../../../../scripts/suite/selection.ts';

const known = ['join', 'join-three', 'rpm'];

describe('refused', () => {
  test.each([
    [['units'], 'unknown argument units'],
    [['--watch'], 'unknown argument --watch'],
    [['e2e/'], 'unknown argument e2e/'],
    [['e2e/leave'], 'there is no e2e test leave; there are: join join-three rpm'],
    [['e2e/join', '--full', '--from'], '--from is a number from 1 on'],
    [['e2e/join', '--full', '--from', '0'], '--from is a number from 1 on'],
    [['e2e/join', '--full', '--from', 'rpm'], '--from is a number from 1 on'],
    [['e2e/join', '--from', '7'], '--from goes with --full'],
    [['e2e/join', '7', '--full'], 'unknown argument 7'],
    [['e2e/../join'], 'unknown argument e2e/../join'],
  ])('%j', (given, message) => {
    expect(() => select(given, known)).toThrow(UsageError);
    expect(() => select(given, known)).toThrow(message);
  });
});

describe('accepted', () => {
  test.each([
    [[], ['lint', 'unit', 'property', 'e2e'], []],
    [['unit'], ['unit'], []],
    [['property', 'unit'], ['property', 'unit'], []],
    [['e2e'], ['e2e'], []],
    [['e2e/join'], ['e2e'], ['join']],
    [
      ['test/e2e/join.test.ts', 'e2e/rpm', 'unit'],
      ['unit', 'e2e'],
      ['join', 'rpm'],
    ],
    [['e2e', 'e2e/join'], ['e2e'], []],
  ])('%j', (given, parts, names) => {
    const selection = select(given, known);
    expect([...selection.parts].sort()).toEqual([...parts].sort());
    expect(selection.e2eNames).toEqual(names);
    expect(selection.full).toBe(false);
    expect(selection.from).toBe(1);
    expect(select([...given, '--full'], known)).toEqual({ ...selection, full: true });
    expect(select(['--full', '--from', '7', ...given], known)).toEqual({ ...selection, full: true, from: 7 });
  });
});
