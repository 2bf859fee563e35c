// What lies in the content-addressed store and in staging: archives that wait to be unpacked, and parts of
// downloads that were cut off. What the node uses, may go back to or is asked for stays whatever its age. The
// rest goes a week after its last byte, and the oldest of it sooner when all of it is too much. Names that
// are not ours are left alone.
import { paths } from '../config/paths.ts';
import type { Host } from '../host/host.ts';

export const unneededLifetimeMs = 7 * 24 * 60 * 60_000;
/** Of store and staging together; never more of what nobody needs than is free beside it. */
export const storeLimitBytes = 1024 ** 3;

export interface StoredFile {
  readonly path: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

export interface StoreSize {
  readonly files: number;
  readonly bytes: number;
}

export interface SweptStore {
  readonly removed: readonly StoredFile[];
  readonly left: StoreSize;
}

/** The caller holds the lock; `needed`: hashes of the artifacts that stay. */
export async function sweepStore(host: Host, needed: ReadonlySet<string>): Promise<SweptStore> {
  const files = await storedFiles(host);
  if (files.length === 0) return { removed: [], left: sizeOf([]) };
  const { freeBytes } = await host.files.space(paths.state);
  const removed = unneededFiles(files, needed, { nowMs: host.clock.nowMs(), freeBytes });
  for (const { path } of removed) await host.files.removeFile(path);
  return { removed, left: sizeOf(files.filter((file) => !removed.includes(file))) };
}

/** Pure: what has to go, the oldest first. */
export function unneededFiles(
  files: readonly StoredFile[],
  needed: ReadonlySet<string>,
  { nowMs, freeBytes }: { readonly nowMs: number; readonly freeBytes: number },
): StoredFile[] {
  const unneeded = files
    .filter(({ sha256 }) => !needed.has(sha256))
    .toSorted((a, b) => a.modifiedMs - b.modifiedMs);
  const removed: StoredFile[] = [];
  let all = sizeOf(files).bytes;
  let spare = sizeOf(unneeded).bytes;
  for (const file of unneeded) {
    const isOld = nowMs - file.modifiedMs >= unneededLifetimeMs;
    if (!isOld && all <= storeLimitBytes && spare <= freeBytes) break;
    removed.push(file);
    all -= file.sizeBytes;
    spare -= file.sizeBytes;
  }
  return removed;
}

/** `<sha256>` in the store; with how far it came in staging. */
const ours = /^([0-9a-f]{64})(?:\.part|\.agent)?$/;

async function storedFiles(host: Host): Promise<StoredFile[]> {
  const found: StoredFile[] = [];
  for (const folder of [paths.artifacts, paths.staging]) {
    for (const name of (await host.files.list(folder)) ?? []) {
      const path = `${folder}/${name}`;
      const [, sha256] = ours.exec(name) ?? [];
      const status = await host.files.status(path);
      if (sha256 === undefined || status?.kind !== 'file') continue;
      found.push({ path, sha256, sizeBytes: status.sizeBytes, modifiedMs: status.modifiedMs });
    }
  }
  return found;
}

function sizeOf(files: readonly StoredFile[]): StoreSize {
  return { files: files.length, bytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) };
}
