import { expect, test } from 'vitest';
import {
  defectLines,
  forget,
  hear,
  newDefects,
  shortened,
  testimony,
} from '../../../../scripts/sandbox/testimony.ts';

const none = async () => [];

test('everybody is heard, one that can not speak too, and nobody who is gone', async () => {
  hear('a gateway', { testify: async () => 'gateway: lives', defects: none });
  hear('a host one', { testify: () => Promise.reject(new Error('off')), defects: none });
  hear('b gateway', { testify: async () => 'the other', defects: none });
  hear('a host two', { testify: () => new Promise(() => undefined), defects: none });
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

test('a defect in somebody’s log is told once; who can not be asked is asked again', async () => {
  const log = ['{"level":50,"defect":"tunnel frame"}', '{"level":30,"msg":"fine"}'];
  const asked = { canSpeak: false };
  hear('c gateway', { testify: async () => '', defects: async () => defectLines(log.join('\n')) });
  hear('c host', {
    testify: async () => '',
    defects: () => (asked.canSpeak ? Promise.resolve(['late']) : Promise.reject(new Error('off'))),
  });
  expect(await newDefects(50)).toEqual(['c gateway: {"level":50,"defect":"tunnel frame"}']);
  expect(await newDefects(50)).toEqual([]);
  asked.canSpeak = true;
  log.push('{"level":50,"defect":"request"}');
  expect(await newDefects(50)).toEqual(['c gateway: {"level":50,"defect":"request"}', 'c host: late']);
  forget('c ');
});
