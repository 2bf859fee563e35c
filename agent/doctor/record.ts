// What the doctor remembers: for each hop when it was last seen to work, and with which values. One small
// file with a version and a checksum, replaced as a whole. It is worth nothing but its comparison: a damaged
// one is none, and one that can't be written is told and no failure.
import { z } from 'zod';
import { paths } from '../config/paths.ts';
import { readChecksummedJson, writeChecksummedJson } from '../host/checksummed-json.ts';
import type { Host } from '../host/host.ts';
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
const place = { path: paths.doctorRecord, name: 'record' };

export type DoctorRecord = z.infer<typeof recordSchema>;

export async function readRecord(host: Host, node: string): Promise<DoctorRecord> {
  const empty: DoctorRecord = { node, hops: {} };
  const read = await readChecksummedJson(host, place).catch(() => undefined);
  const parsed = recordSchema.safeParse(read?.kind === 'value' ? read.value : undefined);
  return parsed.success && parsed.data.node === node ? parsed.data : empty;
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
  await writeChecksummedJson(host, place, recordSchema.parse(record));
}
