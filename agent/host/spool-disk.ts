// The spool's folder on a real disk. Appending is one writev of the pieces as they lie, also of shared
// memory; a name that was made or removed is synced with its folder.
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, statfs, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { SpoolDisk, SpoolFile } from './spool-files.ts';

export function openSpoolDisk(folder: string): SpoolDisk {
  return {
    async list() {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      return readdir(folder);
    },
    async create(name) {
      const flags = constants.O_CREAT | constants.O_EXCL | constants.O_RDWR | constants.O_APPEND;
      const file = new RealSpoolFile(await open(join(folder, name), flags, 0o600));
      try {
        await syncFolder(folder);
        return file;
      } catch (error) {
        await file.close();
        throw error;
      }
    },
    async open(name) {
      return new RealSpoolFile(await openForBoth(join(folder, name)));
    },
    async remove(name) {
      await unlink(join(folder, name)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
      });
      await syncFolder(folder);
    },
    async overwrite(name, offset, bytes) {
      const handle = await open(join(folder, name), constants.O_CREAT | constants.O_RDWR, 0o600);
      try {
        await handle.write(bytes, 0, bytes.byteLength, offset);
        await handle.datasync();
      } finally {
        await handle.close();
      }
    },
    async freeBytes() {
      const { bavail, bsize } = await statfs(folder);
      return bavail * bsize;
    },
  };
}

class RealSpoolFile implements SpoolFile {
  readonly #handle: FileHandle;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async append(pieces: readonly Uint8Array[]): Promise<void> {
    const wanted = pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
    const { bytesWritten } = await this.#handle.writev([...pieces]);
    if (bytesWritten !== wanted) throw new Error(`only ${bytesWritten} of ${wanted} bytes were written`);
  }

  async sync(): Promise<void> {
    await this.#handle.datasync();
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const { buffer, bytesRead } = await this.#handle.read(Buffer.alloc(length), 0, length, offset);
    return buffer.subarray(0, bytesRead);
  }

  async truncate(length: number): Promise<void> {
    await this.#handle.truncate(length);
    await this.#handle.datasync();
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

/** A disk that has turned read-only can still be replayed from. */
async function openForBoth(path: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_RDWR | constants.O_APPEND);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EROFS') throw error;
    return open(path, constants.O_RDONLY);
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
