// Comments that are too long are found wherever they stand and filled anew; code, strings and what is laid
// out by hand stay as they are. That the whole tree keeps to the width is checked by `npm run lint`.
import { expect, test } from 'vitest';
import { longComments, widestColumns, wrapComments } from '../../../../scripts/comments/wrap.ts';

const words = (count: number) => Array.from({ length: count }, (_, index) => `word${index}`).join(' ');
const sentence = words(40);

test.each([
  ['a line comment', `// ${sentence}\nconst a = 1;\n`],
  ['two lines, of which one is too long', `  // ${sentence}\n  // short\n  const a = 1;\n`],
  ['a block', `/** ${sentence} */\nconst a = 1;\n`],
  ['a block of several lines', `  /**\n   * ${sentence}\n   * and more\n   */\n  const a = 1;\n`],
  ['a block that hangs', `/** short\n *  ${sentence} */\nconst a = 1;\n`],
  ['an item of a list', `// These:\n// - ${sentence}\n// - short\nconst a = 1;\n`],
])('%s is filled anew', (_, text) => {
  expect(longComments('a.ts', text)).toHaveLength(1);
  const wrapped = wrapComments('a.ts', text);
  expect(wrapped.split('\n').every((line) => line.length <= widestColumns)).toBe(true);
  expect(wordsOf(wrapped)).toEqual(wordsOf(text));
  expect(wrapComments('a.ts', wrapped)).toBe(wrapped);
});

test('what fits stays as it is broken, and so does code', () => {
  const text = `// One.\n// Two.\n\nconst a = 1;\n\n// ${sentence}\nconst b = '// ${sentence}';\n`;
  const wrapped = wrapComments('a.ts', text);
  expect(wrapped.startsWith('// One.\n// Two.\n\nconst a = 1;\n\n// word0 ')).toBe(true);
  expect(wrapped.endsWith(`\nconst b = '// ${sentence}';\n`)).toBe(true);
  expect(longComments('a.ts', wrapped)).toEqual([]);
});

test('a last line of one word gets company', () => {
  const wrapped = wrapComments('a.ts', `// ${'a'.repeat(50)} ${'b'.repeat(40)} ${'c'.repeat(15)} d\n`);
  expect(wrapped).toBe(`// ${'a'.repeat(50)}\n// ${'b'.repeat(40)} ${'c'.repeat(15)} d\n`);
});

test.each([
  ['a table', `// name        ${sentence}\n`],
  ['a comment behind code', `const a = 1; // ${sentence}\n`],
])('%s is only found: a person mends it', (_, text) => {
  expect(longComments('a.ts', text)).toEqual([{ line: 1, text: text.trimEnd() }]);
  expect(wrapComments('a.ts', text)).toBe(text);
});

test('one word that fits on no line may stand', () => {
  expect(longComments('a.ts', `// https://example.com/${'a'.repeat(120)}\n`)).toEqual([]);
});

test('a string with slashes is no comment', () => {
  expect(longComments('a.ts', `const a = 'https://example.com/ ${sentence}';\n`)).toEqual([]);
});

function wordsOf(text: string): string[] {
  return text.split(/[\s/*]+/).filter((word) => word !== '');
}
