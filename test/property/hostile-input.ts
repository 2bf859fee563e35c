// What a peer that means harm sends instead of a message: deep, wide, huge, with keys twice, with
// names that JavaScript knows, with half a surrogate pair, cut off, with a bit turned, or no UTF-8 at
// all. Each begins with a message that is right, so that it comes as far as it can; every decoder's
// property test draws from here.
import fc from 'fast-check';

/** Of what may be in one message; the transport takes no more. */
const largestBytes = 60_000;

const bytesOf = (text: string) => Buffer.from(text, 'utf8');

/** Damage to any bytes, text or not. */
export function hostileBytes(valid: Uint8Array): fc.Arbitrary<Buffer> {
  const right = Buffer.from(valid);
  const place = fc.nat({ max: Math.max(0, right.length - 1) });
  return fc.oneof(
    place.map((end) => right.subarray(0, end)),
    fc.array(fc.tuple(place, fc.nat({ max: 7 })), { minLength: 1, maxLength: 8 }).map((flips) => {
      const bytes = Buffer.from(right);
      for (const [at, bit] of flips) bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
      return bytes;
    }),
    fc
      .tuple(place, fc.uint8Array({ minLength: 1, maxLength: 64 }))
      .map(([at, more]) => Buffer.concat([right.subarray(0, at), more, right.subarray(at)])),
    fc
      .tuple(place, fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat({ max: 16 }))
      .map(([at, value, length]) => Buffer.from(right).fill(value, at, Math.min(right.length, at + length))),
    place.map((at) => Buffer.concat([right.subarray(at), right, right.subarray(0, at)])),
    fc.uint8Array({ maxLength: 256 }).map((bytes) => Buffer.from(bytes)),
    fc.constantFrom(0, 1, largestBytes).map((length) => Buffer.alloc(length, 0xff)),
  );
}

/** JSON text that goes wrong somewhere in a value that is right; now and then it is right. */
export function hostileJson(valid: unknown): fc.Arbitrary<Buffer> {
  const text = JSON.stringify(valid);
  return fc.oneof(
    { weight: 6, arbitrary: somewhere(valid).map(bytesOf) },
    { weight: 1, arbitrary: fc.oneof(deep, wide, huge).map(bytesOf) },
    { weight: 2, arbitrary: hostileBytes(bytesOf(text)) },
  );
}

const deep = fc
  .tuple(
    fc.constantFrom(33, 200, 12_000, 29_000),
    fc.constantFrom(['[', ']'], ['{"a":', '}'], ['{"__proto__":', '}'], ['[{"kind":[', ']}]']),
    fc.boolean(),
  )
  .map(([levels, [open = '', close = ''], isClosed]) => {
    const count = Math.min(levels, Math.floor(largestBytes / (open.length + close.length)));
    return `${open.repeat(count)}1${isClosed ? close.repeat(count) : ''}`;
  });

const wide = fc
  .tuple(fc.constantFrom(100, 5000), fc.constantFrom('array', 'objects', 'keys', 'samekey'))
  .map(([count, kind]) => {
    const many = (one: (index: number) => string) =>
      Array.from({ length: count }, (_, index) => one(index)).join();
    if (kind === 'array') return `[${many(() => '0')}]`;
    if (kind === 'objects') return `[${many(() => '{}')}]`;
    return `{${many((index) => `"k${kind === 'keys' ? index : ''}":${index}`)}}`;
  });

const huge = fc.constantFrom(
  `"${'x'.repeat(50_000)}"`,
  `"${'\\u0000'.repeat(9000)}"`,
  `"${'é'.repeat(25_000)}"`,
  '9'.repeat(50_000),
  `0.${'0'.repeat(20_000)}1`,
  '1e999999999',
  '-1e-999999999',
);

/** Texts that replace a value. */
const poison = fc.oneof(
  fc.constantFrom(
    'null',
    'true',
    '-0',
    '""',
    '[]',
    '{}',
    '[[]]',
    '{"toString":1,"valueOf":2}',
    '{"length":-1}',
  ),
  fc.constantFrom('{"__proto__":{"polluted":true}}', '{"constructor":{"prototype":{"polluted":true}}}'),
  fc.constantFrom('"\\ud800"', '"a\\udc00b"', '"\\u0000"', '"\\u001b[2J"', '"../../etc/passwd"', '"\\u202e"'),
  fc.constantFrom('9007199254740993', '-1', '1.5', '1e308', '1e309'),
  deep,
  wide,
  huge,
);

/** Keys that are put beside those of an object. */
const stray = fc.oneof(
  fc.constantFrom('__proto__', 'constructor', 'prototype', 'toString', 'then', 'length', '', '\\ud800'),
  fc.string({ maxLength: 8 }).map((key) => JSON.stringify(key).slice(1, -1)),
);

/** The value as text, with one place changed: replaced, said twice, or given a stray neighbour. */
function somewhere(valid: unknown): fc.Arbitrary<string> {
  const places = countPlaces(valid);
  return fc
    .tuple(
      fc.nat({ max: places - 1 }),
      fc.constantFrom('replace', 'twice', 'beside', 'missing'),
      poison,
      stray,
    )
    .map(([at, how, text, key]) => {
      let place = -1;
      const write = (value: unknown): string => {
        place += 1;
        const isHere = place === at;
        if (isHere && how === 'replace') return text;
        if (Array.isArray(value)) {
          const items = value.map(write);
          if (isHere) return how === 'missing' ? '[]' : `[${[...items, text].join()}]`;
          return `[${items.join()}]`;
        }
        if (typeof value !== 'object' || value === null) return isHere ? text : JSON.stringify(value);
        const entries = Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}:${write(one)}`);
        const [first = '"a":1'] = entries;
        if (isHere && how === 'missing') return `{${entries.slice(1).join()}}`;
        if (isHere && how === 'twice') return `{${[...entries, first, first].join()}}`;
        if (isHere) return `{${[`"${key}":${text}`, ...entries].join()}}`;
        return `{${entries.join()}}`;
      };
      return write(valid);
    });
}

function countPlaces(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  return 1 + Object.values(value).reduce((sum: number, one) => sum + countPlaces(one), 0);
}

/**
 * A decoder that takes longer has no bound: even a busy machine does more in a second than any message needs.
 */
export const patienceMs = 20_000;
