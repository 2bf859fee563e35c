// TOML, YAML, Prometheus' text and words of a shell: whatever text goes in comes out of a parser that is not
// ours as it was, or is refused before it is written.
import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { parse as parseToml } from 'smol-toml';
import { describe, expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { sampleName, sampleNumber } from '../../../../protocol/formats/prometheus.ts';
import { shellWord } from '../../../../protocol/formats/shell.ts';
import { type TomlSection, toml } from '../../../../protocol/formats/toml.ts';
import { yaml } from '../../../../protocol/formats/yaml.ts';
import { anyText, brokenText, encodedOrRefused, oneLine } from './texts.ts';

/**
 * As in configuration: texts, numbers and flags in lists and named parts. `__proto__` is
 * a name that no schema knows.
 */
const key = anyText.filter((text) => text !== '__proto__');
const leaf = fc.oneof(anyText, fc.integer(), fc.boolean());
const value = fc.letrec((tie) => ({
  part: fc.dictionary(key, fc.oneof({ maxDepth: 3 }, leaf, fc.array(leaf, { maxLength: 3 }), tie('part')), {
    maxKeys: 4,
  }),
})).part as fc.Arbitrary<Record<string, string>>;

/** JSON drops what makes an object one of a certain parser. */
const plain = (parsed: unknown) => JSON.parse(JSON.stringify(parsed)) as unknown;

describe('TOML', () => {
  test('gives every value back, comments or not', () => {
    fc.assert(
      fc.property(value, anyText, (table, comment) => {
        const text = encodedOrRefused(() => toml([{ comments: [comment], table }]));
        if (text !== undefined) expect(plain(parseToml(text))).toEqual(table);
      }),
      { numRuns: 1500 },
    );
  });

  test('sections are parts of one whole', () => {
    const sections: readonly TomlSection[] = [
      { table: { a: 1 } },
      { table: { p: { 'x.y': { b: 'c' } } } },
      { table: { p: { z: { d: [] } } } },
    ];
    expect(plain(parseToml(toml(sections)))).toEqual({ a: 1, p: { 'x.y': { b: 'c' }, z: { d: [] } } });
  });
});

describe('YAML', () => {
  test.each(['1.1', '1.2'] as const)('of version %s gives every value back', (version) => {
    fc.assert(
      fc.property(value, (part) => {
        const text = encodedOrRefused(() => yaml(part));
        if (text !== undefined && Object.keys(part).length > 0)
          expect(plain(parseYaml(text, { version, strict: true }))).toEqual(part);
      }),
      { numRuns: 1500 },
    );
  });
});

test('what no schema may let through is refused in each', () => {
  fc.assert(
    fc.property(brokenText, (text) => {
      for (const encode of [
        () => toml([{ table: { a: text } }]),
        () => toml([{ table: { [text]: 1 } }]),
        () => toml([{ table: { a: [{ b: [text] }] } }]),
        () => toml([{ comments: [text], table: {} }]),
        () => yaml({ a: text }),
        () => yaml({ [text]: 1 }),
        () => yaml({ a: [{ b: text }] }),
        () => shellWord(text),
      ])
        expect(encodedOrRefused(encode)).toBeUndefined();
    }),
  );
});

test('a shell gets each word as it is, and runs none of it', () => {
  const words = ['', '~', '~root', 'a=b', '-n', ...fc.sample(oneLine, { numRuns: 500, seed: 3 })];
  for (const shell of ['bash', 'sh']) {
    const line = `printf '%s\\0' ${words.map(shellWord).join(' ')}`;
    const said = execFileSync(shell, ['-c', line], {
      encoding: 'utf8',
      env: {},
      cwd: '/',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    expect(said.split('\0').slice(0, -1)).toEqual(words);
  }
  expect(['/a/b-c', 'x=1', 'a b'].map(shellWord)).toEqual(['/a/b-c', 'x=1', "'a b'"]);
});

describe('Prometheus', () => {
  /**
   * The text format's own words: a label's value ends at a quote without a backslash; `\\`, `\"`
   * and `\n` are all its escapes.
   */
  function labelsOf(text: string): Record<string, string> {
    const [, inside] = /^m\{(.*)\}$/s.exec(text) ?? [];
    const labels: Record<string, string> = {};
    const pair = /([a-z]+)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/gy;
    while (pair.lastIndex < (inside ?? '').length) {
      const [, name = '', value = ''] = pair.exec(inside ?? '') ?? ['', '', undefined];
      if (name === '') throw new Error(`no labels: ${text}`);
      labels[name] = value.replaceAll(/\\(.)/g, (_, letter: string) => (letter === 'n' ? '\n' : letter));
    }
    return labels;
  }

  test('a label has any value, in one line', () => {
    fc.assert(
      fc.property(anyText, anyText, (a, b) => {
        const text = sampleName('m', { a, b });
        expect(text).not.toContain('\n');
        expect(labelsOf(text)).toEqual({ a, b });
      }),
      { numRuns: 2000 },
    );
  });

  test('a number is one of Go', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true }), (number) => {
        expect(Number(sampleNumber(number).replace('Inf', 'Infinity')) === number).toBe(true);
      }),
    );
    expect([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN].map(sampleNumber)).toEqual([
      '+Inf',
      '-Inf',
      'NaN',
    ]);
  });
});
