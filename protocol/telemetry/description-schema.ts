// Reads descriptions that came over the wire: the gateway's half. (The agent's collecting thread only
// writes them, and does without the schema library.) Columns are read one after the other, and the
// first that is wrong is the last that is looked at: to say what is wrong with a thousand takes ten
// times as long as to read them.
import { z } from 'zod';
import { parseJson } from '../json.ts';
import { readFromPeer } from '../messages/newer-peer.ts';
import { type Column, type Description, labelCharacters } from './description.ts';
import { recordHeaderBytes, recordLimitBytes } from './record.ts';
import type { RefusalReason } from './refusal.ts';

/** Any text of a metric's label but what no encoding carries to the reader: half characters, and NUL. */
const labelValueSchema = z
  .string()
  .max(512)
  .refine((text) => text.isWellFormed() && !text.includes('\0'));
const labelsSchema = z.record(z.string().regex(/^(?!__)[a-zA-Z_][a-zA-Z0-9_]{0,63}$/), labelValueSchema);

export const columnSchema = z.strictObject({
  name: z.string().regex(/^[a-zA-Z_:][a-zA-Z0-9_:]{0,127}$/),
  type: z.enum(['counter', 'gauge']),
  labels: labelsSchema.optional(),
});

const headSchema = z.strictObject({
  family: z.string().regex(/^[a-z][a-z0-9_-]{0,63}$/),
  intervalMs: z.number().int().positive().max(86_400_000),
  labels: labelsSchema,
  columns: z.array(z.unknown()).max((recordLimitBytes - recordHeaderBytes) / 8),
});

/** A thousand columns, each with a label or two, fill a record. */
const limits = { bytes: recordLimitBytes, depth: 8, items: 4096 };
/** Of one set. Collectors have a handful. */
const mostLabels = 64;

/** Labels that only the gateway sets: a node must not speak for another one. */
const reservedLabels = new Set(['node', 'pool', 'job', 'instance']);
const reservedPrefix = 'regnode_gateway_';
/** Of one series, its group's among them: each series is shown, and sent, with all of them. */
const labelCharactersLimit = 2048;

export function decodeDescription(payload: Uint8Array): Description | RefusalReason {
  const json = parseJson(payload, limits);
  const description = json.ok ? readDescription(json.value) : undefined;
  if (description === undefined) return 'description-malformed';
  const labels = [description.labels, ...description.columns.map((column) => column.labels ?? {})];
  const reserved =
    labels.some((set) => Object.keys(set).some((name) => reservedLabels.has(name))) ||
    description.columns.some((column) => column.name.startsWith(reservedPrefix));
  if (reserved) return 'description-reserved-name';
  const ofGroup = labelCharacters(description.labels);
  const isLong = description.columns.some(
    (column) => ofGroup + labelCharacters(column.labels) > labelCharactersLimit,
  );
  return isLong ? 'budget-labels' : description;
}

function readDescription(value: unknown): Description | undefined {
  if (!isFewLabels(value)) return undefined;
  const head = readFromPeer(headSchema, value);
  if (!head.success) return undefined;
  const columns: Column[] = [];
  for (const one of head.data.columns) {
    const column = isFewLabels(one) ? readFromPeer(columnSchema, one) : undefined;
    if (!column?.success) return undefined;
    columns.push(column.data);
  }
  return { ...head.data, columns };
}

/** Asked before a schema goes through them. */
function isFewLabels(value: unknown): boolean {
  const { labels } = (value ?? {}) as { labels?: unknown };
  return typeof labels !== 'object' || labels === null || Object.keys(labels).length <= mostLabels;
}
