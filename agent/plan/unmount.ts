// Taking down the mounts at and below a path, the deepest first. Each is made private before: a bind mount of
// a shared tree hands its unmounts on to where it came from, which is how a clean-up takes down a host's own
// mounts. Unmounting never touches what was mounted.
import type { Host, MountPoint } from '../host/host.ts';
import { isBelow } from '../host/mounts.ts';

/** Returns the mount points that could not be taken down. */
export async function unmountBelow(
  host: Host,
  path: string,
  isOurs: (mount: MountPoint) => boolean,
): Promise<string[]> {
  const found = (await host.mounts()).filter((mount) => isBelow(mount.path, path) && isOurs(mount));
  for (const mount of found) await host.processes.run('mount', ['--make-private', mount.path]);
  const stuck: string[] = [];
  // Backwards in the kernel's order: what was mounted last, and so over or below the others, goes first.
  for (const mount of found.toReversed()) {
    const plain = await host.processes.run('umount', ['--no-canonicalize', mount.path]);
    if (plain.exitCode === 0) continue;
    const lazy = await host.processes.run('umount', ['--no-canonicalize', '--lazy', mount.path]);
    if (lazy.exitCode !== 0) stuck.push(mount.path);
  }
  return stuck;
}
