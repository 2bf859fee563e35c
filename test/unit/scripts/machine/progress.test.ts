import { expect, test } from 'vitest';
import { clock, createProgress } from '../../../../scripts/machine/progress.ts';

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
