// Reading files of the host: bounded in size, never held by what is no file. `real` is where it
// lies, `path` what it is called.
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { hasCode } from './durable.ts';

const defaultLimitBytes = 16 * 1024 * 1024;
/** More than any artifact has. */
const hashLimitBytes = 8 * 1024 ** 3;
const hashChunkBytes = 1024 * 1024;

// Files of /proc have the size 0: read until the end, not until the size. Most files are small, so the
// room for them begins small.
export async function readBytes(
  real: string,
  path: string,
  limitBytes = defaultLimitBytes,
): Promise<Buffer | undefined> {
  const handle = await openToRead(real, path);
  if (handle === undefined) return undefined;
  try {
    let room = Buffer.allocUnsafe(4096);
    for (let total = 0; ; ) {
      const { bytesRead } = await handle.read(room, total, room.length - total);
      if (bytesRead === 0) return room.subarray(0, total);
      total += bytesRead;
      if (total > limitBytes) {
        throw new Fault('CONFIGURATION_INVALID', { path, detail: `larger than ${limitBytes} bytes` });
      }
      if (total === room.length) room = Buffer.concat([room], room.length * 4);
    }
  } finally {
    await handle.close();
  }
}

/**
 * A pipe without a writer would hold one of the few threads that all files share, for ever: it is refused
 * where a file should be. Below /dev stands what an operator hands over, such as <(…), and that may be one.
 */
async function openToRead(real: string, path: string): Promise<FileHandle | undefined> {
  const isHandedOver = path.startsWith('/dev/');
  const flags = constants.O_RDONLY | (isHandedOver ? 0 : constants.O_NONBLOCK);
  const handle = await absentAsUndefined(open(real, flags));
  if (handle === undefined || isHandedOver) return handle;
  try {
    if ((await handle.stat()).isFIFO()) throw new Fault('PATH_OCCUPIED', { path, kind: 'pipe' });
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** From `start` to before `end`, or to where it ends. */
export async function* readPieces(
  real: string,
  path: string,
  start: number,
  end: number,
): AsyncIterable<Uint8Array> {
  const handle = await openToRead(real, path);
  if (handle === undefined)
    throw Object.assign(new Error(`ENOENT: no such file, open '${path}'`), {
      ...{ code: 'ENOENT', syscall: 'open', path },
    });
  yield* handle.createReadStream({ start, end: end - 1, highWaterMark: 1024 * 1024 });
}

/** Only of a file: a device would go on for ever. */
export async function sha256Of(
  real: string,
  path: string,
  limitBytes = hashLimitBytes,
): Promise<string | undefined> {
  const handle = await openToRead(real, path);
  if (handle === undefined) return undefined;
  try {
    const status = await handle.stat();
    if (!status.isFile())
      throw new Fault('PATH_OCCUPIED', { path, kind: status.isDirectory() ? 'directory' : 'device' });
    const hash = createHash('sha256');
    const chunk = Buffer.allocUnsafe(Math.min(hashChunkBytes, Math.max(4096, status.size + 1)));
    for (let total = 0; ; ) {
      const { bytesRead } = await handle.read(chunk, 0, chunk.length, null);
      if (bytesRead === 0) return hash.digest('hex');
      total += bytesRead;
      if (total > limitBytes) {
        throw new Fault('CONFIGURATION_INVALID', { path, detail: `larger than ${limitBytes} bytes` });
      }
      hash.update(chunk.subarray(0, bytesRead));
    }
  } finally {
    await handle.close();
  }
}

export async function absentAsUndefined<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}
