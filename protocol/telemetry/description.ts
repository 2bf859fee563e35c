// What the columns of a schema mean. A description is a record of class `schema` whose payload is this JSON; its record header
// carries the schema number. It comes before the first record that needs it, again in every new session, and once more
// with no columns when the thing it describes (a disk, a pod's link) has gone. So a stream of batches explains itself.
import { z } from 'zod';
import { alignedBytes, recordClass, recordHeaderBytes, recordLimitBytes } from './record.ts';
import type { RefusalReason } from './refusal.ts';

const labelsSchema = z.record(z.string().regex(/^(?!__)[a-zA-Z_][a-zA-Z0-9_]{0,63}$/), z.string().max(512));

export const columnSchema = z.strictObject({
  name: z.string().regex(/^[a-zA-Z_:][a-zA-Z0-9_:]{0,127}$/),
  type: z.enum(['counter', 'gauge']),
  labels: labelsSchema.optional(),
});

export const descriptionSchema = z.strictObject({
  /** The metric family, e.g. `disks`: with the labels it names the series group, whatever number it has today. */
  family: z.string().regex(/^[a-z][a-z0-9_-]{0,63}$/),
  /** How often a record of this schema is to be expected. */
  intervalMs: z.number().int().positive().max(86_400_000),
  /** Labels of all columns, e.g. `{"device":"vda"}`. */
  labels: labelsSchema,
  /** None: the group has gone. */
  columns: z.array(columnSchema).max((recordLimitBytes - recordHeaderBytes) / 8),
});

export type Column = z.infer<typeof columnSchema>;
export type Description = z.infer<typeof descriptionSchema>;

/** Labels that only the gateway sets: a node must not speak for another one. */
const reservedLabels = new Set(['node', 'pool', 'job', 'instance']);
const reservedPrefix = 'regnode_gateway_';

/** JSON filled up with spaces to a multiple of 8: the payload of a record. */
export function encodeDescription(description: Description): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(description));
  const bytes = new Uint8Array(alignedBytes(json.byteLength)).fill(0x20);
  bytes.set(json);
  return bytes;
}

export function decodeDescription(payload: Uint8Array): Description | RefusalReason {
  const parsed = descriptionSchema.safeParse(parseJson(payload));
  if (!parsed.success) return 'description-malformed';
  const labels = [parsed.data.labels, ...parsed.data.columns.map((column) => column.labels ?? {})];
  const reserved =
    labels.some((set) => Object.keys(set).some((name) => reservedLabels.has(name))) ||
    parsed.data.columns.some((column) => column.name.startsWith(reservedPrefix));
  return reserved ? 'description-reserved-name' : parsed.data;
}

/** One record of class `schema` as bytes of its own, for the batches that repeat descriptions in a new session. */
export function descriptionRecord(schema: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(recordHeaderBytes + payload.byteLength);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, bytes.byteLength, true);
  view.setUint16(8, schema, true);
  view.setUint8(10, recordClass.schema);
  bytes.set(payload, recordHeaderBytes);
  return bytes;
}

function parseJson(payload: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload.slice()));
  } catch {
    return undefined;
  }
}
