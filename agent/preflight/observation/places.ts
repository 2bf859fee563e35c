// Where things will lie: the file system under a path that may not exist yet.
import type { Host } from '../../host/host.ts';
import { mountOf } from '../../host/mounts.ts';

/** Images, pods, programs, staging: what grows on a node, and the room that it needs at least. */
export const places = [
  { path: '/var/lib/containerd', neededMiB: 8192 },
  { path: '/var/lib/kubelet', neededMiB: 8192 },
  { path: '/var/lib/regnode', neededMiB: 1024 },
  { path: '/opt', neededMiB: 1024 },
] as const;

/** They make inodes as they need them, and say 0. */
export const withoutInodeLimit = ['btrfs', 'zfs'];

export interface Room {
  readonly path: string;
  readonly neededMiB: number;
  readonly freeMiB: number;
  readonly freeInodes: number;
  readonly fileSystem: string;
}

export async function roomAt(host: Host, place: { path: string; neededMiB: number }): Promise<Room> {
  const existing = await nearestExisting(host, place.path);
  const [space, mounts] = await Promise.all([host.files.space(existing), host.mounts()]);
  return {
    ...place,
    freeMiB: Math.floor(space.freeBytes / 1024 ** 2),
    freeInodes: space.freeInodes,
    fileSystem: mountOf(await host.files.resolve(place.path), mounts)?.fileSystem ?? 'unknown',
  };
}

async function nearestExisting(host: Host, path: string): Promise<string> {
  let candidate = path;
  while (candidate !== '' && !(await host.files.exists(candidate))) {
    candidate = candidate.slice(0, candidate.lastIndexOf('/'));
  }
  return candidate || '/';
}
