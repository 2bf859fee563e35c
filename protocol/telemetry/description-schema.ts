// Reads descriptions that came over the wire: the gateway's half. (The agent's collecting thread only writes
// them, and does without the schema library.)
import { z } from 'zod';
import { parseJson } from '../json.ts';
import { readFromPeer } from '../messages/newer-peer.ts';
import { type Description, labelCharacters } from './description.ts';
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

const descriptionSchema: z.ZodType<Description> = z.strictObject({
  family: z.string().regex(/^[a-z][a-z0-9_-]{0,63}$/),
  intervalMs: z.number().int().positive().max(86_400_000),
  labels: labelsSchema,
  columns: z.array(columnSchema).max((recordLimitBytes - recordHeaderBytes) / 8),
});

const limits = { bytes: recordLimitBytes, depth: 8 };

/** Labels that only the gateway sets: a node must not speak for another one. */
const reservedLabels = new Set(['node', 'pool', 'job', 'instance']);
const reservedPrefix = 'regnode_gateway_';
/** Of one series, its group's among them: each series is shown, and sent, with all of them. */
const labelCharactersLimit = 2048;

export function decodeDescription(payload: Uint8Array): Description | RefusalReason {
  const json = parseJson(payload, limits);
  const parsed = json.ok ? readFromPeer(descriptionSchema, json.value) : undefined;
  if (!parsed?.success) return 'description-malformed';
  const labels = [parsed.data.labels, ...parsed.data.columns.map((column) => column.labels ?? {})];
  const reserved =
    labels.some((set) => Object.keys(set).some((name) => reservedLabels.has(name))) ||
    parsed.data.columns.some((column) => column.name.startsWith(reservedPrefix));
  if (reserved) return 'description-reserved-name';
  const ofGroup = labelCharacters(parsed.data.labels);
  const isLong = parsed.data.columns.some(
    (column) => ofGroup + labelCharacters(column.labels) > labelCharactersLimit,
  );
  return isLong ? 'budget-labels' : parsed.data;
}
