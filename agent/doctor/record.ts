// What the doctor remembers: for each hop when it was last seen to work, and with which values. One small file with a
// version and a checksum, replaced as a whole. It is worth nothing but its comparison: a damaged one is none, and one
// that can't be written is told and no failure.
import { z } from 'zod';
import { paths } from '../config/paths.ts';
import type { Host } from '../host/host.ts';
import { hashOf } from '../plan/backups.ts';
import { type HopName, hopNames } from './hops.ts';
import type { Values } from './values.ts';

const hopRecordSchema = z.strictObject({
  /** When it was last seen to work, ms since the epoch by this host's clock. */
  workedAtMs: z.number(),
  values: z.record(z.string(), z.string()),
});
const recordSchema = z.strictObject({
  /** Of another node or another registration, it says nothing. */
  node: z.string(),
  hops: z.partialRecord(z.enum(hopNames), hopRecordSchema),
});
const fileSchema = z.strictObject({ version: z.literal(1), sha256: z.string(), record: recordSchema });

export type DoctorRecord = z.infer<typeof recordSchema>;

export async function readRecord(host: Host, node: string): Promise<DoctorRecord> {
  const empty: DoctorRecord = { node, hops: {} };
  const text = await host.files.readText(paths.doctorRecord).catch(() => undefined);
  const parsed = fileSchema.safeParse(parseJson(text ?? ''));
  if (!parsed.success || hashOf(JSON.stringify(parsed.data.record)) !== parsed.data.sha256) return empty;
  return parsed.data.record.node === node ? parsed.data.record : empty;
}

/** The record with what was seen to work now. Pure. */
export function updatedRecord(
  record: DoctorRecord,
  working: readonly HopName[],
  values: Readonly<Record<HopName, Values>>,
  nowMs: number,
): DoctorRecord {
  const seen = working.map((hop) => [hop, { workedAtMs: nowMs, values: { ...values[hop] } }] as const);
  return { node: record.node, hops: { ...record.hops, ...Object.fromEntries(seen) } };
}

export async function writeRecord(host: Host, record: DoctorRecord): Promise<void> {
  const parsed = recordSchema.parse(record); // the order of keys is the schema's: the checksum is over that
  const file = { version: 1, sha256: hashOf(JSON.stringify(parsed)), record: parsed };
  await host.files.write(paths.doctorRecord, `${JSON.stringify(file, undefined, 1)}\n`, { mode: 0o600 });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
