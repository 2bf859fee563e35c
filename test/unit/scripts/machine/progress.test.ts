import { expect, test, vi } from 'vitest';
import { clock, createProgress, lookOf, wrapped } from '../../../../scripts/machine/progress.ts';

test.each([
  [0, ' 0.0 s'],
  [999, ' 1.0 s'],
  [59_000, '59.0 s'],
  [60_000, '1:00 min'],
  [3_725_000, '62:05 min'],
])('%i ms reads %s', (milliseconds, text) => {
  expect(clock(milliseconds)).toBe(text);
});

test('a step that fails passes its error on and stops its clock', async () => {
  const lines: string[] = [];
  const progress = createProgress((line) => lines.push(line));
  await expect(progress.step('building', () => Promise.reject(new Error('broken')))).rejects.toThrow(
    'broken',
  );
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/^\[ ?\d+\.\d s\] building …$/);
});

test('on a terminal the time has a colour and a line ends at its width, in a file neither', () => {
  const said = (look: Parameters<typeof createProgress>[1]) => {
    const lines: string[] = [];
    createProgress((line) => lines.push(line), look).line('one two three four five six');
    return lines.join('\n').replace(/\d\.\d/g, 'T');
  };
  expect(said({ isColored: true, columns: 24 })).toBe(
    '\u001b[36m[ T s]\u001b[0m one two three\n         four five six',
  );
  expect(said({ isColored: false })).toBe('[ T s] one two three four five six');
});

test('colour is for a terminal, and not where NO_COLOR is set', () => {
  const terminal = { isTTY: true, columns: 80 };
  vi.stubEnv('TERM', 'xterm');
  vi.stubEnv('NO_COLOR', '');
  expect(lookOf(terminal)).toEqual({ isColored: true, columns: 80 });
  expect(lookOf({ columns: 80 })).toEqual({ isColored: false });
  vi.stubEnv('NO_COLOR', '1');
  expect(lookOf(terminal)).toEqual({ isColored: false, columns: 80 });
  vi.unstubAllEnvs();
});

test('what is indented stays so, and what cannot be broken is whole', () => {
  expect(wrapped('  idc-1 | a long line of words', 18)).toEqual(['  idc-1 | a long', '  line of words']);
  expect(wrapped('see /a/very/long/path/that/is/copied', 12)).toEqual([
    'see',
    '/a/very/long/path/that/is/copied',
  ]);
});
