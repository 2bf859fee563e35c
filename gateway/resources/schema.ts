// Turns a zod schema into the structural OpenAPI schema that a CRD needs. Only keywords that the API server
// takes go through; a pattern must be readable by RE2 as well, so schemas for CRDs have no look-ahead.
import { z } from 'zod';

type JsonSchema = { readonly [keyword: string]: unknown };

const kept = [
  'type',
  'description',
  'enum',
  'pattern',
  'minLength',
  'maxLength',
  'minimum',
  'maximum',
  'minItems',
  'maxItems',
  'maxProperties',
  'required',
  'default',
];

export function structuralSchema(schema: z.ZodType): JsonSchema {
  return structural(z.toJSONSchema(schema, { io: 'input', target: 'draft-7' }) as JsonSchema);
}

function structural(schema: JsonSchema): JsonSchema {
  const result: Record<string, unknown> = {};
  for (const keyword of kept) if (schema[keyword] !== undefined) result[keyword] = schema[keyword];
  // zod bounds every integer by what a double can hold; that says nothing to a reader of the CRD.
  if (Math.abs(Number(result.minimum)) === Number.MAX_SAFE_INTEGER) delete result.minimum;
  if (Math.abs(Number(result.maximum)) === Number.MAX_SAFE_INTEGER) delete result.maximum;
  if (typeof result.pattern === 'string' && result.pattern.includes('(?')) delete result.pattern;
  const { properties, items, additionalProperties } = schema;
  if (isSchema(properties)) {
    result.properties = Object.fromEntries(
      Object.entries(properties).map(([name, value]) => [name, structural(value as JsonSchema)]),
    );
  } else if (isSchema(additionalProperties)) {
    result.additionalProperties = structural(additionalProperties);
  }
  if (isSchema(items)) result.items = structural(items);
  return result;
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
