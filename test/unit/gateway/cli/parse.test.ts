// Values of regnodectl's flags: what is taken, and what is refused with a word on why.
import { describe, expect, test } from 'vitest';
import { age } from '../../../../gateway/cli/output.ts';
import { duration, parseLabels, parseTaints, separate } from '../../../../gateway/cli/parse.ts';

test.each([
  ['90s', 90_000],
  ['30m', 1_800_000],
  ['1h30m', 5_400_000],
  ['7d', 604_800_000],
])('%s', (text, milliseconds) => {
  expect(duration(text)).toBe(milliseconds);
});

test.each(['', '10', '1.5h', '-1h', 'h', '1h ', '1y'])('"%s" is no duration', (text) => {
  expect(() => duration(text)).toThrow();
});

describe('labels', () => {
  test('set and take away', () => {
    expect(parseLabels(['a=1', 'example.com/b=', 'c-'])).toEqual({ a: '1', 'example.com/b': '', c: null });
  });
  test.each(['a', '=x', 'a=b=c', 'a/b/c=1', '-', `a=${'x'.repeat(64)}`, 'A_=1', 'a=b c'])(
    '"%s" is no label',
    (text) => {
      expect(() => parseLabels([text])).toThrow(expect.objectContaining({ code: 'USAGE' }));
    },
  );
});

describe('taints', () => {
  test('set and take away', () => {
    expect(parseTaints(['a=1:NoSchedule', 'b:NoExecute', 'c-', 'd:NoSchedule-'])).toEqual({
      set: [
        { key: 'a', value: '1', effect: 'NoSchedule' },
        { key: 'b', effect: 'NoExecute' },
      ],
      remove: [{ key: 'c' }, { key: 'd', effect: 'NoSchedule' }],
    });
  });
  test.each(['a', 'a=1', 'a:Never', ':NoSchedule', 'a=b=c:NoSchedule', 'a:Never-'])(
    '"%s" is no taint',
    (text) => {
      expect(() => parseTaints([text])).toThrow(expect.objectContaining({ code: 'USAGE' }));
    },
  );
});

test('names and changes in one list', () => {
  expect(separate(['idc-1', 'a=1', 'idc-2.example', 'b-', 'c:NoSchedule'])).toEqual({
    names: ['idc-1', 'idc-2.example'],
    changes: ['a=1', 'b-', 'c:NoSchedule'],
  });
});

test.each([
  [5_000, '5s'],
  [300_000, '5m'],
  [7_500_000, '2h5m'],
  [273_600_000, '3d4h'],
  [-5, '0s'],
])('%i ms ago is %s', (ms, text) => {
  expect(age(new Date(1_000_000_000_000 - ms).toISOString(), 1_000_000_000_000)).toBe(text);
});
