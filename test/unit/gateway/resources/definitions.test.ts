// The CRDs are structural: every node of the schema has a type, and no keyword that an API server refuses.
import { expect, test } from 'vitest';
import { resourceDefinitions } from '../../../../gateway/resources/definitions.ts';
import { structuralSchema } from '../../../../gateway/resources/schema.ts';
import { poolSpecSchema } from '../../../../protocol/settings/pool.ts';

type Schema = { readonly [keyword: string]: unknown };

function* every(schema: Schema): Generator<Schema> {
  yield schema;
  for (const child of Object.values((schema.properties ?? {}) as Record<string, Schema>)) yield* every(child);
  if (schema.items) yield* every(schema.items as Schema);
  if (schema.additionalProperties) yield* every(schema.additionalProperties as Schema);
}

test.each(resourceDefinitions())('$metadata.name', (definition) => {
  const { versions } = definition.spec as { versions: { schema: { openAPIV3Schema: Schema } }[] };
  for (const part of every(versions[0]?.schema.openAPIV3Schema ?? {})) {
    expect(part.type).toMatch(/^(object|array|string|integer|number|boolean)$/);
    for (const keyword of ['$schema', '$ref', 'const', 'anyOf', 'propertyNames', 'patternProperties']) {
      expect(part).not.toHaveProperty(keyword);
    }
    expect(part.additionalProperties).not.toBe(false);
    expect(part.properties !== undefined && part.additionalProperties !== undefined).toBe(false);
    // RE2 has no look-ahead.
    expect(String(part.pattern ?? '')).not.toContain('(?');
  }
});

test('what the CRD requires is what the code cannot do without', () => {
  expect(structuralSchema(poolSpecSchema).required).toEqual(['kubernetesVersion']);
});
