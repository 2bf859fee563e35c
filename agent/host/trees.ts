// Removing a folder without ever leaving it. Each directory is opened without following links and
// everything below it is named through that open directory (/proc/self/fd/N/name, Node's only way to have
// openat), so a link that somebody puts in our way in the meantime leads nowhere. A directory on another
// mount is seen by the mount id of its descriptor, which tells bind mounts of the same device apart too; it
// is left as it is. Pods decide what lies in their folders: names may be any bytes, a folder may have
// millions of them, and the way down may be longer than the descriptors that a process has. What is too
// deep is moved to the top, still inside.
import { randomBytes } from 'node:crypto';
import { constants, type Dir, type Dirent } from 'node:fs';
import { type FileHandle, lstat, open, opendir, readFile, rename, rmdir, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { hasCode, syncDirectory } from './durable.ts';
import type { RemoveOptions } from './host.ts';

/** Each level below costs descriptors for as long as it is being emptied. */
const deepestLevel = 48;

/** Returns the paths that had to stay; an absent path is no error. */
export async function removeTree(path: string, options: RemoveOptions = {}): Promise<string[]> {
  const status = await lstat(path).catch((error: unknown) =>
    hasCode(error, 'ENOENT', 'ENOTDIR') ? undefined : Promise.reject(error),
  );
  if (status === undefined) return [];
  if (!status.isDirectory()) {
    if (options.contentsOnly || !(await removeEntry(path))) return [path];
    await syncDirectory(dirname(path));
    return [];
  }

  const parent = await openDirectory(dirname(path));
  try {
    return await removeBelow(parent, path, options);
  } finally {
    await parent.close();
  }
}

async function removeBelow(
  parent: FileHandle,
  path: string,
  { contentsOnly = false, kept = [] }: RemoveOptions,
): Promise<string[]> {
  const directory = await openDirectory(path);
  try {
    const mount = await mountId(directory);
    if (!contentsOnly && (await mountId(parent)) !== mount) return [path];
    const lifted: Buffer[] = [];
    const folder = { directory, shown: path, level: 0, mount, top: directory, lifted, kept: new Set(kept) };
    const left = await emptyDirectory(folder);
    for (let name = lifted.pop(); name !== undefined; name = lifted.pop())
      left.push(...(await removeFolder(folder, name)));
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

interface Folder {
  readonly directory: FileHandle;
  /** Its path as people read it. */
  readonly shown: string;
  readonly level: number;
  readonly mount: string;
  /** What is removed as a whole, and the names in it of what was moved up from too far below. */
  readonly top: FileHandle;
  readonly lifted: Buffer[];
  /** Names in it that stay. */
  readonly kept: ReadonlySet<string>;
}

async function emptyDirectory(folder: Folder): Promise<string[]> {
  const left: string[] = [];
  for await (const entry of await listNames(folder.directory)) {
    if (folder.level === 0 && folder.kept.has(entry.name.toString())) continue;
    if (entry.isDirectory()) left.push(...(await removeFolder(folder, entry.name)));
    else if (!(await removeEntry(inside(folder.directory, entry.name))))
      left.push(join(folder.shown, entry.name.toString()));
  }
  return left;
}

async function removeFolder(parent: Folder, name: Buffer): Promise<string[]> {
  const path = inside(parent.directory, name);
  const shown = join(parent.shown, name.toString());
  const directory = await openDirectory(path).catch((error: unknown) =>
    hasCode(error, 'ELOOP', 'ENOTDIR', 'ENOENT') ? undefined : Promise.reject(error),
  );
  if (directory === undefined) return []; // replaced while we looked; what is there now is not what we listed
  try {
    if ((await mountId(directory)) !== parent.mount) return [shown];
    if (parent.level >= deepestLevel) return (await lift(parent, path)) ? [] : [shown];
    const left = await emptyDirectory({ ...parent, directory, shown, level: parent.level + 1 });
    return left.length > 0 || (await removeDirectory(path)) ? left : [shown];
  } finally {
    await directory.close();
  }
}

/** To the top, under a name that nobody has: from there it is removed like any other. */
async function lift({ top, lifted }: Folder, path: Buffer): Promise<boolean> {
  const name = Buffer.from(`.regnode-deep-${randomBytes(8).toString('hex')}`);
  lifted.push(name);
  return rename(path, inside(top, name)).then(
    () => true,
    (error: unknown) => judge(error),
  );
}

/** One after the other, as bytes: a name that is no UTF-8 is lost in a string. */
function listNames(directory: FileHandle): Promise<AsyncIterable<Dirent<Buffer>>> {
  // Node's types know no buffers here; its documentation and its code do.
  const asBytes = { encoding: 'buffer' as BufferEncoding, bufferSize: 256 };
  return opendir(`/proc/self/fd/${directory.fd}`, asBytes) as Promise<Dir & AsyncIterable<never>>;
}

function inside(directory: FileHandle, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`/proc/self/fd/${directory.fd}/`), name]);
}

function openDirectory(path: string | Buffer): Promise<FileHandle> {
  return open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
}

async function mountId(directory: FileHandle): Promise<string> {
  const fields = await readFile(`/proc/self/fdinfo/${directory.fd}`, 'utf8');
  const id = /^mnt_id:\s*(\d+)$/m.exec(fields)?.[1];
  if (id === undefined) throw new Error('the kernel does not tell mount ids of descriptors');
  return id;
}

/** False when the entry is a mount point or may not be removed (immutable, read-only file system). */
async function removeEntry(path: string | Buffer): Promise<boolean> {
  return unlink(path).then(
    () => true,
    (error: unknown) => judge(error),
  );
}

async function removeDirectory(path: string | Buffer): Promise<boolean> {
  return rmdir(path).then(
    () => true,
    (error: unknown) => judge(error),
  );
}

function judge(error: unknown): boolean {
  if (hasCode(error, 'ENOENT')) return true;
  if (hasCode(error, 'EBUSY', 'EPERM', 'EACCES', 'EROFS', 'ENOTEMPTY', 'ENOTDIR', 'EISDIR', 'EXDEV'))
    return false;
  throw error;
}
