// What is shown to a person holds nothing that a terminal obeys, whatever came in; and
// ordinary text is left alone.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Fault, fill } from '../../../protocol/catalogue/fault.ts';
import {
  isPrintable,
  printable,
  printableDeep,
  printableJson,
  printableLines,
} from '../../../protocol/printable.ts';
import { anyText } from './formats/texts.ts';

/** Written out once more, so that the pattern of the code is not its own judge. */
function isHarmful(text: string): boolean {
  return [...text].some((character) => {
    const code = character.codePointAt(0) ?? 0;
    const within = (from: number, to: number) => code >= from && code <= to;
    return (
      within(0, 0x1f) ||
      within(0x7f, 0x9f) ||
      within(0x202a, 0x202e) ||
      within(0x2066, 0x2069) ||
      within(0xd800, 0xdfff) ||
      [0x061c, 0x200e, 0x200f, 0x2028, 0x2029, 0xfeff].includes(code)
    );
  });
}

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return [...Object.keys(value), ...Object.values(value).flatMap(textsIn)];
}

describe('whatever comes in', () => {
  test('one line comes out without anything harmful, no longer than is allowed', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 0, max: 40 }), (text, most) => {
        const shown = printable(text, most);
        expect(isHarmful(shown)).toBe(false);
        expect(shown.length).toBeLessThanOrEqual(most);
        expect(printable(shown, most)).toBe(shown);
        expect(isPrintable(text)).toBe(printable(text) === text);
      }),
      { numRuns: 2000 },
    );
  });

  test('lines come out as lines; with colours nothing but our own codes is beside the text', () => {
    const ours = ['[31m', '[1m', '[90m', '[0m'].map((code) => `\u001b${code}`);
    fc.assert(
      fc.property(fc.array(fc.oneof(anyText, fc.constantFrom(...ours))), (parts) => {
        const text = parts.join('');
        expect(isHarmful(printableLines(text).replaceAll('\n', ''))).toBe(false);
        const between = printableLines(text, true).split('\u001b');
        expect(between.slice(1).filter((part) => !/^\[(?:0|1|3[1-36]|90)m/.test(part))).toEqual([]);
        expect(isHarmful(between.join('').replaceAll('\n', ''))).toBe(false);
      }),
      { numRuns: 1000 },
    );
  });

  test('JSON keeps its value', () => {
    fc.assert(
      fc.property(fc.dictionary(anyText, fc.oneof(anyText, fc.array(anyText))), (value) => {
        for (const indent of [undefined, 2]) {
          const json = printableJson(JSON.stringify(value, undefined, indent));
          expect(isHarmful(json.replaceAll('\n', ''))).toBe(false);
          expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(value)));
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('a value of JSON is clean at any depth', () => {
    fc.assert(
      fc.property(fc.jsonValue(), anyText, (value, text) => {
        expect(textsIn(printableDeep({ value, [text]: [{ text }] }, 100)).filter(isHarmful)).toEqual([]);
      }),
    );
  });

  test('a message shows the values of a node without what they would do to a terminal', () => {
    fc.assert(
      fc.property(anyText, (detail) => {
        expect(isHarmful(fill('so: {detail}.', { detail }))).toBe(false);
        expect(isHarmful(new Fault('UNEXPECTED', { detail }).explain('zh').message)).toBe(false);
      }),
    );
  });
});

test.each([
  '节点池 idc 已创建：192.168.0.1（就绪）',
  'TencentOS Server 3.1 (Final)',
  'naïve café — “quoted” → 100 %',
  '한국어 日本語 ภาษาไทย हिन्दी 👩‍👩‍👧 😀',
  'אבג مرحبا',
])('%s stays as it is', (text) => {
  expect(printable(text)).toBe(text);
  expect(printableLines(`${text}\n${text}\n`)).toBe(`${text}\n${text}\n`);
});

test('what breaks lines becomes a space, the rest goes', () => {
  expect(printable('one\r\n\ttwo\u2028three')).toBe('one two three');
  expect(printable('\u001b]0;title\u0007\u001b[2Jgone\u009b31m\u202eback')).toBe(']0;title[2Jgone31mback');
});

test('a pair that only a cut parts is no half character', () => {
  expect(printable('ab😀', 3)).toBe('ab');
});
