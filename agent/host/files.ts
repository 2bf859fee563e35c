// Files of the host. Every change is durable when its promise resolves, but for writeStream. Paths are those
// of the host; `locate` maps them to where they are (the same for the real host, below a folder for a fixture
// root), without or with the last link followed; links above the last part are always followed, since owners
// put folders on other disks that way. Reading what isn't there is undefined, never an exception.
import { constants, type Stats } from 'node:fs';
import {
  access,
  lchown,
  lstat,
  mkdir,
  open,
  readdir,
  readlink,
  rename,
  rm,
  rmdir,
  statfs,
  symlink,
  unlink,
} from 'node:fs/promises';
import { dirname } from 'node:path';
import { hasCode, setOwner, syncDirectory, temporaryPath, writeDurably } from './durable.ts';
import type { FileKind, FileStatus, HostFiles } from './host.ts';
import { absentAsUndefined, readBytes, readPieces, sha256Of } from './reading.ts';
import { removeTree } from './trees.ts';
import { appender, writePieces } from './writing.ts';

export type Locate = (path: string, followLast: boolean) => Promise<string>;

export function createFiles(locate: Locate, resolve: (path: string) => Promise<string>): HostFiles {
  const here = (path: string) => locate(path, false);
  const behind = (path: string) => locate(path, true);

  return {
    async readText(path, limitBytes) {
      const bytes = await readBytes(await behind(path), path, limitBytes);
      return bytes?.toString('utf8');
    },
    async readBytes(path, limitBytes) {
      return readBytes(await behind(path), path, limitBytes);
    },
    async list(path) {
      const names = await absentAsUndefined(readdir(await behind(path)));
      return names?.sort();
    },
    async status(path) {
      return statusOf(await here(path));
    },
    async exists(path) {
      return (await absentAsUndefined(access(await behind(path)).then(() => true))) ?? false;
    },
    resolve,
    async write(path, content, options) {
      await writeDurably(await here(path), content, options);
    },
    async openAppender(path, mode) {
      const real = await here(path);
      const existed = (await statusOf(real)) !== undefined;
      const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW;
      const handle = await open(real, flags, mode);
      try {
        if (!existed) await syncDirectory(dirname(real));
      } catch (error) {
        await handle.close();
        throw error;
      }
      return appender(handle);
    },
    async writeStream(path, source, { mode, offset = 0 }) {
      const real = await here(path);
      const handle = await open(real, constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW, mode);
      try {
        return await writePieces(handle, source, offset);
      } finally {
        await handle.close();
      }
    },
    async *readStream(path, start, end) {
      if (end > start) yield* readPieces(await behind(path), path, start, end);
    },
    async makeDirectory(path, mode) {
      const real = await here(path);
      await mkdir(real, { mode });
      await changeMode(real, mode, {}, constants.O_DIRECTORY); // the umask doesn't decide
      await syncDirectory(dirname(real));
    },
    async makeLink(path, target) {
      const real = await here(path);
      const temporary = temporaryPath(real);
      await rm(temporary, { force: true });
      await symlink(target, temporary);
      await rename(temporary, real);
      await syncDirectory(dirname(real));
    },
    async rename(from, to) {
      const realFrom = await here(from);
      const realTo = await here(to);
      await rename(realFrom, realTo);
      await syncDirectory(dirname(realTo));
      if (dirname(realFrom) !== dirname(realTo)) await syncDirectory(dirname(realFrom));
    },
    async removeFile(path) {
      const real = await here(path);
      if ((await absentAsUndefined(unlink(real).then(() => true))) === true)
        await syncDirectory(dirname(real));
    },
    async removeEmptyDirectory(path) {
      const real = await here(path);
      try {
        await rmdir(real);
      } catch (error) {
        if (hasCode(error, 'ENOENT')) return true;
        if (hasCode(error, 'ENOTEMPTY', 'EEXIST', 'EBUSY', 'ENOTDIR')) return false;
        throw error;
      }
      await syncDirectory(dirname(real));
      return true;
    },
    async removeTree(path, options) {
      const real = await here(path);
      const left = await removeTree(real, options);
      return left.map((entry) => path + entry.slice(real.length));
    },
    async setMode(path, options) {
      const real = await here(path);
      if ((await lstat(real)).isSymbolicLink()) {
        const status = await lstat(real);
        await lchown(real, options.uid ?? status.uid, options.gid ?? status.gid);
      } else {
        await changeMode(real, options.mode, options);
      }
      await syncDirectory(dirname(real));
    },
    async sync(path) {
      const handle = await open(await here(path), constants.O_RDONLY);
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
    },
    async sha256(path, limitBytes) {
      return sha256Of(await behind(path), path, limitBytes);
    },
    async space(path) {
      for (let real = await behind(path); ; real = dirname(real)) {
        const found = await absentAsUndefined(statfs(real));
        if (found === undefined && real !== '/') continue;
        if (found === undefined) throw new Error(`no file system at ${path}`);
        return {
          totalBytes: found.blocks * found.bsize,
          freeBytes: found.bavail * found.bsize,
          totalInodes: found.files,
          freeInodes: found.ffree,
        };
      }
    },
  };
}

async function statusOf(real: string): Promise<FileStatus | undefined> {
  const status = await absentAsUndefined(lstat(real));
  if (status === undefined) return undefined;
  const kind = kindOf(status);
  return {
    kind,
    mode: status.mode & 0o7777,
    uid: status.uid,
    gid: status.gid,
    sizeBytes: status.size,
    device: status.dev,
    inode: status.ino,
    modifiedMs: status.mtimeMs,
    ...(kind === 'link' ? { target: (await absentAsUndefined(readlink(real))) ?? '' } : {}),
  };
}

function kindOf(status: Stats): FileKind {
  if (status.isFile()) return 'file';
  if (status.isDirectory()) return 'directory';
  if (status.isSymbolicLink()) return 'link';
  return status.isSocket() ? 'socket' : 'other';
}

/** A pipe that others have put there meanwhile holds nobody. */
async function changeMode(
  real: string,
  mode: number,
  owner: { uid?: number; gid?: number } = {},
  only = 0,
): Promise<void> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | only;
  const handle = await open(real, flags);
  try {
    await setOwner(handle, { mode, ...owner });
    await handle.chmod(mode);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
