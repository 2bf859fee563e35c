// Checks before a download or an unpacking whether the disk has room for it and for the
// reserve that the host keeps.
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { Host } from '../host/host.ts';

const reserveBytes = 64 * 1024 * 1024;
const mebibyte = 1024 * 1024;

export async function requireRoom(host: Host, path: string, neededBytes: number): Promise<void> {
  const { freeBytes } = await host.files.space(path);
  if (freeBytes >= neededBytes + reserveBytes) return;
  throw new Fault('NO_SPACE', {
    path,
    freeMiB: Math.floor(freeBytes / mebibyte),
    neededMiB: Math.ceil((neededBytes + reserveBytes) / mebibyte),
  });
}
