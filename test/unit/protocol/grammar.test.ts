// What is configured has a grammar in every place where it is read: the CRDs' patterns (the API server), the
// pool's and the registration's schema (regnodectl, the gateway), and the desired state (the agent). No text
// without one, no text without an end, and none that lets a line break or a control through.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { registeredNodeSpecSchema } from '../../../gateway/resources/registered-node.ts';
import { structuralSchema } from '../../../gateway/resources/schema.ts';
import {
  addressSchema,
  certificatesSchema,
  domainSchema,
  httpsUrlSchema,
  httpUrlSchema,
  imageSchema,
  labelKeySchema,
  labelValueSchema,
  poolNameSchema,
  rangeSchema,
  versionSchema,
  whatIsWrong,
} from '../../../protocol/grammar.ts';
import { desiredStateSchema } from '../../../protocol/messages/desired.ts';
import { poolSpecSchema } from '../../../protocol/settings/pool.ts';
import { brokenText } from './formats/texts.ts';

type Schema = { readonly [keyword: string]: unknown };

/** Every text of a schema with its path; keys of maps too, where the schema can name them. */
function* textsOf(schema: Schema, path: string): Generator<{ path: string; text: Schema }> {
  if (schema.type === 'string') yield { path, text: schema };
  for (const [name, child] of Object.entries((schema.properties ?? {}) as Record<string, Schema>))
    yield* textsOf(child, `${path}.${name}`);
  for (const [keyword, mark] of [
    ['items', '[]'],
    ['additionalProperties', '{}'],
    ['propertyNames', '{key}'],
  ] as const) {
    if (typeof schema[keyword] === 'object') yield* textsOf(schema[keyword] as Schema, path + mark);
  }
  for (const child of (schema.anyOf ?? []) as Schema[]) yield* textsOf(child, path);
}

const schemas: readonly (readonly [string, Schema])[] = [
  ['NodePool for the API server', structuralSchema(poolSpecSchema)],
  ['RegisteredNode for the API server', structuralSchema(registeredNodeSpecSchema)],
  ['NodePool', z.toJSONSchema(poolSpecSchema, { io: 'input' }) as Schema],
  ['RegisteredNode', z.toJSONSchema(registeredNodeSpecSchema, { io: 'input' }) as Schema],
  ['desired state', z.toJSONSchema(desiredStateSchema, { io: 'input' }) as Schema],
];
/** Whole files, which are written as they are; what stands in them is only base64. */
const files = /caPem$/;

describe.each(schemas)('%s', (_, schema) => {
  const texts = [...textsOf(schema, '')].filter(({ text }) => text.enum === undefined);

  test('every text has a grammar and an end', () => {
    expect(texts.length).toBeGreaterThan(4);
    expect(texts.filter(({ text }) => typeof text.pattern !== 'string').map(({ path }) => path)).toEqual([]);
    expect(texts.filter(({ text }) => text.maxLength === undefined).map(({ path }) => path)).toEqual([]);
  });

  test('no line break, no control, no half character, anywhere', () => {
    const patterns = [
      ...new Set(texts.filter(({ path }) => !files.test(path)).map(({ text }) => text.pattern)),
    ];
    for (const pattern of patterns) {
      const grammar = new RegExp(String(pattern));
      const good = fc.stringMatching(grammar);
      const broken = fc.tuple(good, brokenText, good).map((parts) => parts.join(''));
      fc.assert(
        fc.property(fc.oneof(broken, brokenText), (text) => {
          expect(grammar.test(text)).toBe(false);
        }),
        { numRuns: 200 },
      );
      expect(pattern).toMatch(/^\^.*\$$/);
    }
  });
});

test.each([
  [imageSchema, 'pause', 'registry.k8s.io/pause:3.9', 'localhost:5000/a/b_c__d-e.f:V1', '10.0.0.1:5000/x'],
  [imageSchema, `quay.io/cilium/cilium:v1.17.9@sha256:${'0'.repeat(64)}`, 'Registry.Example.com/a'],
  [labelKeySchema, 'site', 'example.com/a.b_c-D', 'node-role.kubernetes.io/worker'],
  [labelValueSchema, '', 'idc', 'A.b_c-9'],
  [versionSchema, 'v1.32.4', '1.20.2', '1.6.20~ds1', '0.1.0-rc.1+build'],
  [poolNameSchema, 'idc', 'a.b-c'],
  [domainSchema, 'cluster.local', 'k8s'],
  [addressSchema, '10.96.0.10', 'fd00::a', '::ffff:10.0.0.1'],
  [rangeSchema, '10.0.0.0/8', 'fd00::/8', '0.0.0.0/0'],
  [httpUrlSchema, 'https://m.example.com/regnode/', 'http://[fd00::1]:8080/a%20b?c=d', 'https://m/a@b?c=@'],
] as [z.ZodType, ...string[]][])('%# is taken', (schema, ...texts) => {
  for (const text of texts) expect(schema.safeParse(text).error?.issues[0]?.message, text).toBeUndefined();
});

test.each([
  [
    imageSchema,
    '',
    'A',
    'a b',
    'a:',
    'a@sha256:00',
    '-a',
    'a//b',
    'a:b:c',
    'a$(id)',
    '"a"',
    `a${'b'.repeat(600)}`,
  ],
  [labelKeySchema, '', '/a', 'a/', '-a', 'A.com/a', 'a b', 'a=b', 'a:b', `${'a'.repeat(64)}`],
  [labelValueSchema, ' ', '-a', 'a.', 'a b', 'a,b', 'a'.repeat(64)],
  [versionSchema, '', '../1', '1/2', '1 2', '-1', `1${'.0'.repeat(64)}`],
  [poolNameSchema, '', 'A', 'a_b', '.a', 'a'.repeat(64)],
  [domainSchema, '', 'a..b', 'A.b', '-a', 'a b'],
  [addressSchema, '', '10.0.0', '10.0.0.256', '::g', '10.0.0.1/8', '1.2.3.4.5'],
  [rangeSchema, '10.0.0.0', '10.0.0.0/33', 'fd00::/129', '10.0.0/8', '/8'],
  [httpUrlSchema, 'https://u:p@m/', 'http://u@m', 'https://@m', 'https://:p@m/a', 'https://u%3Ap@m'],
  [httpsUrlSchema, 'https://u:p@m', 'https://u@m/a'],
  [httpUrlSchema, 'ftp://a', 'https://', 'https://a b', 'https://a"b', "https://a'b", 'https://a<b'],
  [certificatesSchema, '', 'PEM', '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n[host]'],
] as [z.ZodType, ...string[]][])('%# is refused', (schema, ...texts) => {
  for (const text of texts) expect(schema.safeParse(text).success, text).toBe(false);
});

test('what is wrong is told with its place, its value and what was expected', () => {
  const wrong = { kubernetesVersion: 'v1.20.2', containerd: { sandboxImage: 'a\nExecStartPre=/bin/true' } };
  const issue = poolSpecSchema.safeParse(wrong).error?.issues[0];
  expect(whatIsWrong(issue, wrong)).toBe(
    'containerd.sandboxImage is "a\\nExecStartPre=/bin/true": expected an image such as registry.k8s.io/pause:3.9',
  );
  const leak = { kubernetesVersion: 'v1.20.2', downloads: { mirrors: ['https://u:s3cret@m.test/a'] } };
  expect(whatIsWrong(poolSpecSchema.safeParse(leak).error?.issues[0], leak)).toBe(
    'downloads.mirrors.0 is "https://[removed]@m.test/a": expected a URL without user and password such as https://mirror.example.com/regnode',
  );
  expect(whatIsWrong(poolSpecSchema.safeParse({}).error?.issues[0], {})).toMatch(
    /^kubernetesVersion is missing/,
  );
});

test('keys of labels are names too, and there are so many', () => {
  const pool = (labels: Record<string, string>) =>
    poolSpecSchema.safeParse({ kubernetesVersion: 'v1.20.2', labels }).success;
  expect(pool({ 'example.com/site': 'idc' })).toBe(true);
  expect(pool({ 'a\nb': 'idc' })).toBe(false);
  expect(pool(Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`l${index}`, ''])))).toBe(false);
});
