// One line of the journal: JSON with a version, a number and a checksum over all that stands before it.
//
//   {"version":1,"number":7,"at":"2026-01-31T10:00:00.000Z","key":"file:/etc/x","kind":"file","entry":{…},"sha256":"…"}
//
// The checksum is over the text, not over its meaning, so reading it again needs no canonical form.
import { z } from 'zod';
import { hashOf } from './backups.ts';

export const journalVersion = 1;

const lineSchema = z.strictObject({
  version: z.literal(journalVersion),
  number: z.number().int().positive(),
  at: z.string(),
  key: z.string().min(1),
  /** A resource kind; or `undone` when the key has been taken back while the node stays. */
  kind: z.string().min(1),
  entry: z.unknown(),
  sha256: z.string(),
});

export type JournalEntry = Omit<z.infer<typeof lineSchema>, 'sha256'>;

const seal = /^(\{.*),"sha256":"([0-9a-f]{64})"\}$/s;

export function encodeEntry(entry: JournalEntry): string {
  const text = JSON.stringify(entry).slice(0, -1);
  return `${text},"sha256":"${hashOf(text)}"}\n`;
}

/** The entry, or why the line is none. */
export function decodeEntry(line: string): JournalEntry | { readonly damage: string } {
  const [, text, sha256] = seal.exec(line) ?? [];
  if (text === undefined || sha256 === undefined) return { damage: 'no checksum at its end' };
  if (hashOf(text) !== sha256) return { damage: 'its checksum is wrong' };
  const parsed = lineSchema.safeParse(JSON.parse(line));
  if (!parsed.success) {
    const version = (JSON.parse(line) as { version?: unknown }).version;
    return { damage: version === journalVersion ? parsed.error.message : `written by version ${version}` };
  }
  const { sha256: _, ...entry } = parsed.data;
  return entry;
}
