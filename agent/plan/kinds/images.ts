// Container images that come as tars: imported once, which a mark says that is written afterwards. What
// containerd has already is asked from it, so nothing is imported twice.
import { z } from 'zod';
import { paths } from '../../config/paths.ts';
import type { Host } from '../../host/host.ts';
import { mustRun, saidBy } from '../command.ts';
import { readImageArchives } from '../image-archives.ts';
import { defineKind, right, wrong } from '../kind.ts';
import type { ImagesResource } from '../resource.ts';
import { requireRoom } from '../room.ts';

const importTimeoutMs = 10 * 60_000;
/** Its layers as they come, and unpacked. */
const importedPerArchivedByte = 2;
const entrySchema = z.strictObject({
  folder: z.string(),
  ctr: z.string(),
  socket: z.string(),
  /** Only names that containerd did not have before. */
  names: z.array(z.string()),
});

interface Observed {
  readonly folderExists: boolean;
  readonly isImported: boolean;
  readonly present: ReadonlySet<string>;
}

export const imagesKind = defineKind<'images', Observed, z.infer<typeof entrySchema>>({
  kind: 'images',
  identify: (resource) => `images:${resource.folder}`,
  title: (resource) => `import the images of ${resource.folder}`,

  async observe(host, resource) {
    return {
      folderExists: await host.files.exists(resource.folder),
      isImported: await host.files.exists(markOf(resource)),
      present: await listImages(host, resource),
    };
  },

  compare(_, { folderExists, isImported, present }) {
    if (!folderExists) return wrong('not unpacked yet');
    if (!isImported) return wrong('not imported yet');
    // What the kubelet's garbage collection takes may stay away; a store that was wiped is filled again.
    return present.size === 0 ? wrong("containerd's store is empty") : right;
  },

  entrySchema,
  async record({ host }, resource, { present }) {
    const { folder, ctr, socket } = resource;
    const archives = (await readImageArchives(host, folder)) ?? [];
    const names = archives.flatMap((archive) => archive.names.filter((name) => !present.has(name)));
    return { folder, ctr, socket, names };
  },

  async apply({ host }, resource, { present }) {
    for (const { path, names } of (await readImageArchives(host, resource.folder)) ?? []) {
      if (names.every((name) => present.has(name))) continue;
      const bytes = ((await host.files.status(path))?.sizeBytes ?? 0) * importedPerArchivedByte;
      await requireRoom(host, paths.containerdData, bytes);
      await mustRun(host, resource.ctr, [...client(resource), 'images', 'import', path], {
        timeoutMs: importTimeoutMs,
        fills: { path: paths.containerdData, bytes },
      });
    }
    await host.files.write(markOf(resource), '', { mode: 0o644 });
  },

  async undo({ host }, entries) {
    const [first] = entries;
    const present = await listImages(host, first);
    const names = [...new Set(entries.flatMap((entry) => entry.names))].filter((name) => present.has(name));
    if (names.length === 0) return { outcome: 'unchanged' };
    await mustRun(host, first.ctr, [...client(first), 'images', 'remove', ...names]);
    return { outcome: 'restored' };
  },

  merge(entries) {
    const parsed = z.array(entrySchema).safeParse(entries).data ?? [];
    const [first] = parsed;
    return first && { ...first, names: [...new Set(parsed.flatMap(({ names }) => names))] };
  },
});

function client({ socket }: Pick<ImagesResource, 'socket'>): string[] {
  return ['--address', socket, '--namespace', 'k8s.io'];
}

/** Lies in the tree of the archives, so it goes with it. */
function markOf({ folder }: Pick<ImagesResource, 'folder'>): string {
  return `${folder}/.regnode-imported`;
}

async function listImages(
  host: Host,
  { ctr, socket }: Pick<ImagesResource, 'ctr' | 'socket'>,
): Promise<ReadonlySet<string>> {
  if (!(await host.files.exists(socket))) return new Set();
  const listed = await saidBy(host, ctr, [...client({ socket }), 'images', 'list', '--quiet']);
  return new Set(listed.split('\n').filter(Boolean));
}
