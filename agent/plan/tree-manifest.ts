// What an unpacked tree consists of, written into it before it gets its name: which artifact it came from and
// each entry's kind, size and mode. Makes a damaged tree visible without hashing it, and lets a planner know
// which programs a version brings.
import { z } from 'zod';
import type { Host } from '../host/host.ts';

const manifestSchema = z.strictObject({
  version: z.literal(1),
  artifactSha256: z.string(),
  entries: z.array(
    z.strictObject({
      path: z.string(),
      kind: z.enum(['file', 'directory', 'link']),
      mode: z.number(),
      sizeBytes: z.number(),
      target: z.string().optional(),
    }),
  ),
});
export type TreeManifest = z.infer<typeof manifestSchema>;

export const manifestName = '.regnode-tree.json';

/** undefined when the tree is absent, or what is there is not one of ours. */
export async function readTreeManifest(host: Host, path: string): Promise<TreeManifest | undefined> {
  const text = await host.files.readText(`${path}/${manifestName}`);
  if (text === undefined) return undefined;
  try {
    return manifestSchema.parse(JSON.parse(text));
  } catch {
    return undefined; // damaged, which is the same to us as a tree that is not there
  }
}

/**
 * Everything below `path`, folders before what is in them; anything but files, folders and links is refused.
 */
export async function listTree(host: Host, path: string): Promise<TreeManifest['entries']> {
  const entries: TreeManifest['entries'] = [];
  await walk('');
  return entries;

  async function walk(below: string): Promise<void> {
    for (const name of (await host.files.list(`${path}/${below}`)) ?? []) {
      const relative = below === '' ? name : `${below}/${name}`;
      if (relative === manifestName) continue;
      const status = await host.files.status(`${path}/${relative}`);
      if (status === undefined) continue;
      const { kind, mode, sizeBytes, target } = status;
      if (kind !== 'file' && kind !== 'directory' && kind !== 'link') {
        throw new Error(`${path}/${relative} is a ${kind}`);
      }
      entries.push({
        path: relative,
        kind,
        mode,
        sizeBytes: kind === 'directory' ? 0 : sizeBytes,
        ...(target === undefined ? {} : { target }),
      });
      if (kind === 'directory') await walk(relative);
    }
  }
}

/** The first entry that is not as the manifest has it; undefined when all are. */
export async function findDamage(
  host: Host,
  path: string,
  manifest: TreeManifest,
): Promise<string | undefined> {
  for (const entry of manifest.entries) {
    const status = await host.files.status(`${path}/${entry.path}`);
    const same =
      status?.kind === entry.kind &&
      status.target === entry.target &&
      (entry.kind !== 'file' || (status.sizeBytes === entry.sizeBytes && status.mode === entry.mode));
    if (!same) return entry.path;
  }
  return undefined;
}
