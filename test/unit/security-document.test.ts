// SECURITY.md names a test for what it says: each has to be there, by file and by name.
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const text = readFileSync('SECURITY.md', 'utf8').replaceAll(/\s+/g, ' ');
const references = [...text.matchAll(/(test\/[\w/.-]+\.test\.ts): "([^"]+)"/g)].map(
  ([, file = '', name = '']) => [file, name] as const,
);

test('there are many, and no file is named without a test in it', () => {
  expect(references.length).toBeGreaterThan(40);
  const files = [...text.matchAll(/test\/[\w/.-]+\.test\.ts/g)];
  expect(files).toHaveLength(references.length);
});

test.each(references)('%s: %s', (file, name) => {
  expect(existsSync(file)).toBe(true);
  // As the name of a test, a group, or a row of a table of them.
  const quoted = ["'", '"', '`'].map((quote) => `${quote}${name}`);
  const source = readFileSync(file, 'utf8');
  expect(quoted.some((wanted) => source.includes(wanted))).toBe(true);
});

test('the README leads to it', () => {
  expect(readFileSync('README.md', 'utf8')).toContain('(SECURITY.md)');
});
