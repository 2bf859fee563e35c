// The kernel's tables of TCP sockets, row by row: those that listen come first.
import { closeSync, openSync, readSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

export interface SocketAddress {
  readonly address: string;
  readonly port: number;
}

export interface SocketRow {
  readonly own: string;
  /** Own end, other end. */
  readonly ends: string;
  readonly state: string;
  readonly uid: number;
  /** '0' when its process has closed it. */
  readonly inode: string;
}

export const socketTables: readonly string[] = ['/proc/net/tcp', '/proc/net/tcp6'];
const chunkBytes = 64 * 1024;
/** The most that the kernel gives at a time. */
const pageBytes = 4096;
const sliceMs = 3;
export const newline = 10;
/** Seven million sockets; who is not among them is nobody. */
const tableLimitBytes = 1024 ** 3;

/** ` 12: 0100007F:A3D2 0100007F:403B 01 00000000:00000000 00:00000000 00000000  1000        0 51203 1 …` */
export function parseRow(row: string): SocketRow {
  const [, own = '', other = '', state = '', , , , uid, , inode = '0'] = row.trim().split(/\s+/, 10);
  return { own, ends: `${own} ${other}`, state, uid: Number(uid), inode };
}

export async function* rows(path: string): AsyncGenerator<string> {
  const handle = await open(path).catch(() => undefined); // no IPv6 here
  if (handle === undefined) return;
  try {
    const chunk = Buffer.allocUnsafe(chunkBytes);
    let rest = '';
    for (let length = 0; length < tableLimitBytes; ) {
      const { bytesRead } = await handle.read(chunk, 0, chunkBytes, null);
      if (bytesRead === 0) return;
      length += bytesRead;
      const lines = (rest + chunk.toString('latin1', 0, bytesRead)).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
  } finally {
    await handle.close();
  }
}

/** The table in whole rows, one buffer for all of them. */
export async function* pieces(path: string): AsyncGenerator<Buffer> {
  const file = openTable(path);
  if (file === undefined) return;
  try {
    const chunk = Buffer.allocUnsafe(chunkBytes);
    let filled = 0;
    let sliceEndsMs = performance.now() + sliceMs;
    for (let length = 0; length < tableLimitBytes; ) {
      const bytesRead = readSync(file, chunk, filled, chunkBytes - filled, null);
      length += bytesRead;
      filled += bytesRead;
      if (bytesRead === 0 || chunkBytes - filled < pageBytes) {
        const whole = bytesRead === 0 ? filled : chunk.lastIndexOf(newline, filled - 1) + 1;
        yield chunk.subarray(0, whole);
        chunk.copyWithin(0, whole, filled);
        filled -= whole;
      }
      if (bytesRead === 0) return;
      if (performance.now() < sliceEndsMs) continue;
      await sleep(sliceMs, undefined, { ref: false });
      sliceEndsMs = performance.now() + sliceMs;
    }
  } finally {
    closeSync(file);
  }
}

function openTable(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch {
    return undefined; // no IPv6 here
  }
}

export const mapped = '0000000000000000FFFF0000';

/**
 * The kernel prints the four bytes as one number of this machine, least byte first. IPv4 only:
 * nothing of ours listens on IPv6.
 */
export function hexOf({ address, port }: SocketAddress): string | undefined {
  const bytes = address.replace(/^::ffff:/, '').split('.');
  if (bytes.length !== 4) return undefined;
  const hex = (value: number, digits: number) => value.toString(16).toUpperCase().padStart(digits, '0');
  const number = bytes.toReversed().map((byte) => hex(Number(byte), 2));
  return `${number.join('')}:${hex(port, 4)}`;
}
