// What is cleaned holds no secret for the search that decides whether a report may leave, whatever the text,
// however often it was quoted; and both take time in proportion to the text, whoever wrote it.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { secretsIn, withoutSecrets, withoutSecretsIn } from '../../../agent/secrets/secrets.ts';
import { planted } from '../../unit/agent/bugreport/planted.ts';

const known = ['correct-horse', 'secret', 'removed', 'a/b"c\\d'];
const quoted = (text: string, times: number): string =>
  times === 0 ? text : quoted(JSON.stringify(text).slice(1, -1), times - 1);

const noise = fc.oneof(
  fc.constantFrom(
    ...['', ' ', '"', "'", '\\', '\\n', '\\t', '\n', '\\"', '\\/', '://', ':', '@', '=', 'token', 'bearer '],
    ...['--password ', 'cookie:', '[removed: known]', 'secret: ', '-----BEGIN PRIVATE KEY-----', '{', ','],
  ),
  fc.constantFrom(...known),
  fc.string(),
);
const secret = fc
  .tuple(fc.constantFrom(...planted), fc.nat(3))
  .map(([[, line], times]) => quoted(line, times));
const text = fc.array(fc.oneof(noise, secret), { maxLength: 12 }).map((parts) => parts.join(''));

describe('whatever the text', () => {
  test('nothing is found in what was cleaned, as a text, in JSON, and in the JSON of that', () => {
    fc.assert(
      fc.property(text, text, (one, other) => {
        expect(secretsIn(withoutSecrets(one, known), known)).toEqual([]);
        const value = withoutSecretsIn({ lines: [one, other], [other.slice(0, 40)]: one }, known);
        expect(secretsIn(withoutSecrets(JSON.stringify(value, undefined, 1), known), known)).toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });

  test('a secret is gone, however often its line was quoted, and the lines beside it stay', () => {
    const before = fc.constantFrom('', ' ', '\\n', '"', '\\"', 'msg="', '{\\"a\\": \\"b\\", ');
    fc.assert(
      fc.property(fc.constantFrom(...planted), fc.nat(3), before, ([, line, hidden], times, start) => {
        const clean = withoutSecrets(`first\n${start}${quoted(line, times)}\nlast`);
        expect(clean).not.toContain(hidden);
        expect(clean).toMatch(/^first\n/);
        expect(secretsIn(clean)).toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });
});

const bombs = [
  `${'a.'.repeat(15)}://${':'.repeat(1270)}`,
  `://${':'.repeat(1270)}`,
  'eyJa-',
  'eyJaaaaaa.a ',
  'a.',
  'a-',
  'a:',
  'a://',
  '://a:',
  'token',
  'token.',
  'token-',
  '-token',
  'token ',
  `${'a.'.repeat(24)}token${' '.repeat(1000)}`,
  'token="',
  'token=\\"',
  "token='",
  'basic ',
  'cookie: ',
  '"\\',
  '\\',
  'Ab',
  'A/',
  'glpat-',
  '$1$',
  'AKIDa',
  '-----BEGIN PRIVATE KEY-----',
  '-----END PRIVATE KEY',
  'LS0tLS1CRUdJTi',
];

describe('a text that is made to keep the search busy', () => {
  test.each(bombs)('%j', (bomb) => {
    const ofLength = (length: number) => bomb.repeat(Math.ceil(length / bomb.length)).slice(0, length);
    const small = cpuMs(ofLength(128 * 1024));
    const large = cpuMs(ofLength(256 * 1024));
    // A pattern that reads a stretch from many beginnings costs four times as much, or many seconds.
    expect(large).toBeLessThan(3 * small + 200);
    expect(large).toBeLessThan(2000);
  });

  test.each(['token="a', 'eyJ', 'token-', 'Ab', '\\"', '"'])(
    '2 MiB of one word, begun by a name: %j',
    (word) => {
      expect(secretsIn(withoutSecrets(`token="${word.repeat((2 * 1024 * 1024) / word.length)}`))).toEqual([]);
    },
  );
});

/** Of cleaning and searching, the least of three; this process has a processor's time of its own. */
function cpuMs(content: string): number {
  const times = [0, 1, 2].map(() => {
    const before = process.cpuUsage();
    secretsIn(withoutSecrets(content));
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  });
  return Math.min(...times);
}
