// Removing a folder without ever leaving it. Each directory is opened without following links and everything
// below it is named through that open directory (/proc/self/fd/N/name, Node's only way to have openat), so a
// link that somebody puts in our way in the meantime leads nowhere. A directory on another mount is seen by
// the mount id of its descriptor, which tells bind mounts of the same device apart too; it is left as it is.
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, readdir, readFile, rmdir, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { hasCode, syncDirectory } from './durable.ts';

/** Returns the paths that had to stay; an absent path is no error. `contentsOnly` keeps `path` itself. */
export async function removeTree(path: string, contentsOnly: boolean): Promise<string[]> {
  const status = await lstat(path).catch((error: unknown) =>
    hasCode(error, 'ENOENT', 'ENOTDIR') ? undefined : Promise.reject(error),
  );
  if (status === undefined) return [];
  if (!status.isDirectory()) {
    if (contentsOnly || !(await removeEntry(path))) return [path];
    await syncDirectory(dirname(path));
    return [];
  }

  const parent = await openDirectory(dirname(path));
  try {
    return await removeBelow(parent, path, contentsOnly);
  } finally {
    await parent.close();
  }
}

async function removeBelow(parent: FileHandle, path: string, contentsOnly: boolean): Promise<string[]> {
  const directory = await openDirectory(path);
  try {
    if (!contentsOnly && (await mountId(parent)) !== (await mountId(directory))) return [path];
    const left = await emptyDirectory(directory, path, await mountId(directory));
    await directory.sync();
    if (contentsOnly) return left;
    if (left.length > 0) return left;
    const removed = await removeDirectory(path);
    await parent.sync();
    return removed ? [] : [path];
  } finally {
    await directory.close();
  }
}

async function emptyDirectory(directory: FileHandle, shownPath: string, mount: string): Promise<string[]> {
  const left: string[] = [];
  const here = `/proc/self/fd/${directory.fd}`;
  for (const entry of await readdir(here, { withFileTypes: true })) {
    const path = join(here, entry.name);
    const shown = join(shownPath, entry.name);
    if (!entry.isDirectory()) {
      if (!(await removeEntry(path))) left.push(shown);
      continue;
    }
    const child = await openDirectory(path).catch((error: unknown) =>
      hasCode(error, 'ELOOP', 'ENOTDIR', 'ENOENT') ? undefined : Promise.reject(error),
    );
    if (child === undefined) continue; // replaced while we looked; what is there now is not what we listed
    try {
      if ((await mountId(child)) !== mount) {
        left.push(shown);
        continue;
      }
      const below = await emptyDirectory(child, shown, mount);
      left.push(...below);
      if (below.length === 0 && !(await removeDirectory(path))) left.push(shown);
    } finally {
      await child.close();
    }
  }
  return left;
}

function openDirectory(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
}

async function mountId(directory: FileHandle): Promise<string> {
  const fields = await readFile(`/proc/self/fdinfo/${directory.fd}`, 'utf8');
  const id = /^mnt_id:\s*(\d+)$/m.exec(fields)?.[1];
  if (id === undefined) throw new Error('the kernel does not tell mount ids of descriptors');
  return id;
}

/** False when the entry is a mount point or may not be removed (immutable, read-only file system). */
async function removeEntry(path: string): Promise<boolean> {
  return unlink(path).then(
    () => true,
    (error: unknown) => judge(error),
  );
}

async function removeDirectory(path: string): Promise<boolean> {
  return rmdir(path).then(
    () => true,
    (error: unknown) => judge(error),
  );
}

function judge(error: unknown): boolean {
  if (hasCode(error, 'ENOENT')) return true;
  if (hasCode(error, 'EBUSY', 'EPERM', 'EACCES', 'EROFS', 'ENOTEMPTY', 'EISDIR')) return false;
  throw error;
}
