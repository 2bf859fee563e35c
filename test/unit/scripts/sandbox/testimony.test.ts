import { expect, test } from 'vitest';
import { forget, hear, shortened, testimony } from '../../../../scripts/sandbox/testimony.ts';

test('everybody is heard, one that can not speak too, and nobody who is gone', async () => {
  hear('a gateway', { testify: async () => 'gateway: lives' });
  hear('a host one', { testify: () => Promise.reject(new Error('off')) });
  hear('b gateway', { testify: async () => 'the other' });
  hear('a host two', { testify: () => new Promise(() => undefined) });
  const said = [
    'gateway: lives',
    'a host one: not heard: Error: off',
    'the other',
    'a host two: not heard within 0.05 s',
  ];
  expect(await testimony(50)).toBe(said.join('\n'));
  forget('a ');
  expect(await testimony()).toBe('the other');
  forget('b ');
  expect(await testimony()).toBe('');
});

test('of a log the last lines are told, and of a long line its beginning', () => {
  expect(shortened('1\n2\n3\n', 2)).toBe('  2\n  3');
  expect(shortened(`${'x'.repeat(400)}\n`)).toBe(`  ${'x'.repeat(300)}…`);
});
