// The two moves that make a change survive a loss of power: a file is written beside its place and renamed
// over it, and the directory is synced after every change of its entries.
import { constants } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { WriteOptions } from './host.ts';

/**
 * Where the new content of `path` stands until it is renamed. The name is always the same, so that what a
 * crash leaves behind is found and removed; one path is therefore written by one writer at a time.
 */
export function temporaryPath(path: string): string {
  return join(dirname(path), `.${basename(path)}.regnode-new`);
}

export async function writeDurably(
  path: string,
  content: string | Uint8Array,
  options: WriteOptions,
): Promise<void> {
  const temporary = temporaryPath(path);
  await rm(temporary, { force: true });
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const handle = await open(temporary, flags, 0o600);
  try {
    await handle.writeFile(content);
    await setOwner(handle, options);
    await handle.chmod(options.mode);
    await handle.sync();
    await rename(temporary, path);
  } catch (error) {
    // A full disk shall not be filled by what could not be finished.
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  } finally {
    await handle.close();
  }
  await syncDirectory(dirname(path));
}

/** Keeps the inode (a lock hangs on it). Not safe against a crash: for what is worth nothing after one. */
export async function writeInPlace(path: string, content: string): Promise<void> {
  const handle = await open(path, constants.O_WRONLY | constants.O_TRUNC | constants.O_NOFOLLOW);
  try {
    await handle.writeFile(content);
  } finally {
    await handle.close();
  }
}

export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } catch (error) {
    if (!hasCode(error, 'EINVAL')) throw error; // /proc, /sys, cgroups: nothing there can be synced
  } finally {
    await handle.close();
  }
}

/** Only when it differs: whoever owns a file already needs no right to give it away. */
export async function setOwner(handle: FileHandle, options: WriteOptions): Promise<void> {
  if (options.uid === undefined && options.gid === undefined) return;
  const status = await handle.stat();
  const uid = options.uid ?? status.uid;
  const gid = options.gid ?? status.gid;
  if (uid !== status.uid || gid !== status.gid) await handle.chown(uid, gid);
}

export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}
