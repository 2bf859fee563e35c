// What a folder of ours says of itself, in a file in it: what it held before us, and which folders for all we
// made. So it is known for ours wherever it lies, also on a disk that was put in its place since.
import { z } from 'zod';
import type { Host } from '../host/host.ts';

export const markName = '.regnode';
const markLimitBytes = 1024 * 1024;

export const directoryEntrySchema = z.strictObject({
  path: z.string(),
  content: z.enum(['ours', 'shared']),
  /** null when there was no such folder. */
  original: z
    .strictObject({ entries: z.array(z.string()), mode: z.number(), uid: z.number(), gid: z.number() })
    .nullable(),
  /** Mount points at or below it before us, as `path root`. */
  mounts: z.array(z.string()),
});
export type DirectoryEntry = z.infer<typeof directoryEntrySchema>;

const markSchema = z.object({
  version: z.literal(1),
  note: z.string(),
  directories: z.array(directoryEntrySchema),
});

export function encodeMark(directories: readonly DirectoryEntry[]): string {
  const note = 'Written by regnode; this folder is its own, and "regnode leave" gives it back.';
  return `${JSON.stringify({ version: 1, note, directories })}\n`;
}

/** Empty when there is none that is understood. */
export async function readMark(host: Host, folder: string): Promise<readonly DirectoryEntry[]> {
  const path = `${folder}/${markName}`;
  if ((await host.files.status(path))?.kind !== 'file') return [];
  try {
    return markSchema.parse(JSON.parse((await host.files.readText(path, markLimitBytes)) ?? '')).directories;
  } catch {
    return [];
  }
}
