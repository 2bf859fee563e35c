// The door for JSON of peers: limits are looked at before the parser, and what comes
// out can't surprise anybody.
import { expect, test } from 'vitest';
import { parseJson } from '../../../protocol/json.ts';

const limits = { bytes: 100_000, depth: 3 };

test.each([
  ['three levels', '[[{"a":1}]]', { ok: true, value: [[{ a: 1 }]] }],
  ['brackets in texts', '{"a":"[[[[{{{{\\"[[[["}', { ok: true, value: { a: '[[[[{{{{"[[[[' } }],
  ['a backslash at the end of a text', '[["\\\\",["\\\\"]]]', { ok: true, value: [['\\', ['\\']]] }],
  ['neighbours', '[[],[],[[]],{}]', { ok: true, value: [[], [], [[]], {}] }],
  ['bytes', Buffer.from('"é"'), { ok: true, value: 'é' }],
  ['four levels', '[[[[]]]]', { ok: false, why: 'more than 3 levels' }],
  ['objects as well', '{"a":{"a":{"a":{}}}}', { ok: false, why: 'more than 3 levels' }],
  ['so deep that no parser should see it', '['.repeat(50_000), { ok: false, why: 'more than 3 levels' }],
  ['too long', `"${'x'.repeat(100_000)}"`, { ok: false, why: 'it has 100002 bytes, allowed are 100000' }],
  ['no JSON', '{', { ok: false, why: 'it is no JSON in UTF-8' }],
  ['no UTF-8', Buffer.from([0x22, 0xff, 0x22]), { ok: false, why: 'it is no JSON in UTF-8' }],
  ['nothing', '', { ok: false, why: 'it is no JSON in UTF-8' }],
])('%s', (_what, input, expected) => {
  expect(parseJson(input, limits)).toEqual(expected);
});

test.each([
  ['as many as may be', '{"a":[1,2,3],"b,":"[,,,,"}', true],
  ['one member more', '{"a":[1,2,3],"b":1,"c":1}', false],
  ['one element more', '{"a":[1,2,3,4],"b":1}', false],
  ['thousands of keys', `{${Array.from({ length: 6000 }, (_, index) => `"${index}":0`).join()}}`, false],
])('values: %s', (_what, input, ok) => {
  expect(parseJson(input, { ...limits, items: 5 }).ok).toBe(ok);
});

test('a key that would be the prototype is left out, wherever and however it is written', () => {
  const text = '{"__proto__":{"x":1},"a":[{"\\u005f_proto__":2,"b":1}]}';
  const parsed = parseJson(text, limits);
  if (!parsed.ok) throw new Error(parsed.why);
  const value = parsed.value as { a: object[] };
  expect(Object.getOwnPropertyNames(value)).toEqual(['a']);
  expect(Object.getOwnPropertyNames(value.a[0])).toEqual(['b']);
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
});

test('half a surrogate pair is U+FFFD, as it is in UTF-8; a whole one stays', () => {
  expect(parseJson('["a\\ud800b","\\ud83d\\ude00",{"\\udc00":"\\udfff"}]', limits)).toEqual({
    ok: true,
    value: ['a\ufffdb', '\u{1f600}', { '\ufffd': '\ufffd' }],
  });
});
