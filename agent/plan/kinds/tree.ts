// An artifact unpacked to its own folder, all of it or nothing: it is unpacked beside its place, each file
// synced, described by a manifest, and renamed. The archive is verified once more right before, so nothing
// that changed in the store is ever executable.
import { z } from 'zod';
import { mustRun } from '../command.ts';
import { hashWrong } from '../fetch.ts';
import { couldNotRemove, defineKind, right, type Tools, wrong } from '../kind.ts';
import type { TreeResource } from '../resource.ts';
import { requireRoom } from '../room.ts';
import { findDamage, listTree, manifestName, readTreeManifest, type TreeManifest } from '../tree-manifest.ts';
import { artifactTitle, storePath } from './artifact.ts';

const unpackTimeoutMs = 10 * 60_000;
/** Binaries pack to about a third. */
const unpackedPerPackedByte = 4;

interface Observed {
  readonly manifest: TreeManifest | undefined;
  readonly damage: string | undefined;
  readonly exists: boolean;
}
const entrySchema = z.strictObject({ path: z.string(), artifactSha256: z.string() });

export const treeKind = defineKind<'tree', Observed, z.infer<typeof entrySchema>>({
  kind: 'tree',
  identify: (resource) => `tree:${resource.path}`,
  title: (resource) => `unpack ${artifactTitle(resource.artifact)} to ${resource.path}`,

  async observe(host, { path }) {
    const manifest = await readTreeManifest(host, path);
    const damage = manifest && (await findDamage(host, path, manifest));
    return { manifest, damage, exists: (await host.files.status(path)) !== undefined };
  },

  compare({ artifact }, { manifest, damage, exists }) {
    if (manifest === undefined) return wrong(exists ? 'there, but not whole' : 'absent');
    if (manifest.artifactSha256 !== artifact.sha256) return wrong('unpacked from another archive');
    return damage === undefined ? right : wrong(`${damage} is missing or was changed`);
  },

  entrySchema,
  record: async (_, { path, artifact }) => ({ path, artifactSha256: artifact.sha256 }),

  async apply(tools, resource, { exists }) {
    const staging = stagingPath(resource.path);
    await tools.host.files.removeTree(staging);
    await unpack(tools, resource, staging);
    if (exists) await moveAside(tools, resource.path);
    await tools.host.files.rename(staging, resource.path);
    await tools.host.files.removeFile(storePath(resource.artifact)); // the tree is all that is needed of it
  },

  async undo({ host }, [{ path }]) {
    const left = [
      ...(await host.files.removeTree(stagingPath(path))),
      ...(await host.files.removeTree(asidePath(path))),
      ...(await host.files.removeTree(path)),
    ];
    return left.length === 0 ? { outcome: 'restored' } : couldNotRemove(left);
  },
});

async function unpack({ host, signal }: Tools, resource: TreeResource, staging: string): Promise<void> {
  const { artifact } = resource;
  const archive = storePath(artifact);
  const actual = await host.files.sha256(archive);
  if (actual !== artifact.sha256) {
    await host.files.removeFile(archive);
    throw hashWrong(artifact, actual);
  }
  const bytes = artifact.sizeBytes * unpackedPerPackedByte;
  await requireRoom(host, staging, bytes);
  await host.files.makeDirectory(staging, 0o755);
  await mustRun(
    host,
    'tar',
    ['--extract', '--gzip', '--no-same-owner', '--file', archive, '--directory', staging],
    { timeoutMs: unpackTimeoutMs, fills: { path: staging, bytes }, ...(signal ? { signal } : {}) },
  );
  const entries = await listTree(host, staging);
  for (const entry of entries) {
    if (entry.kind !== 'link') await host.files.sync(`${staging}/${entry.path}`);
  }
  const manifest: TreeManifest = { version: 1, artifactSha256: artifact.sha256, entries };
  await host.files.write(`${staging}/${manifestName}`, JSON.stringify(manifest), { mode: 0o644 });
}

async function moveAside({ host }: Tools, path: string): Promise<void> {
  await host.files.removeTree(asidePath(path));
  await host.files.rename(path, asidePath(path));
}

const stagingPath = (path: string) => beside(path, 'unpacking');
const asidePath = (path: string) => beside(path, 'replaced');

function beside(path: string, suffix: string): string {
  const slash = path.lastIndexOf('/');
  return `${path.slice(0, slash)}/.${path.slice(slash + 1)}.${suffix}`;
}
