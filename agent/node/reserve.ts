// A little room that nobody uses, on the file system of regnode's memory. It is given up when a host is taken
// back: so a leave can write what it has to (its phase, the files from before us) on a disk that is full.
import { randomBytes } from 'node:crypto';
import { paths } from '../config/paths.ts';
import { temporaryPath } from '../host/durable.ts';
import type { Host } from '../host/host.ts';

const reserveBytes = 4 * 1024 * 1024;
/** A host that is nearly full needs its room more than we do. */
const leastFreeBytes = 64 * 1024 * 1024;

export async function keepReserve(host: Host): Promise<void> {
  if ((await host.files.status(paths.reserve))?.sizeBytes === reserveBytes) return;
  // Nothing that a file system could store in less.
  await host.files.write(paths.reserve, randomBytes(reserveBytes), { mode: 0o600 });
}

/** Once more, after a leave that was called off or an older agent; never at the cost of others. */
export async function renewReserve(host: Host): Promise<void> {
  const { freeBytes } = await host.files.space(paths.state);
  if (freeBytes >= leastFreeBytes + reserveBytes) await keepReserve(host);
}

export async function giveUpReserve(host: Host): Promise<void> {
  await host.files.removeFile(temporaryPath(paths.reserve));
  await host.files.removeFile(paths.reserve);
}
