// Reads /proc/self/mountinfo, the only list that shows bind mounts with the folder they come from.
// Pure: text in, mount points out, in the kernel's order (a later one covers an earlier one).
import type { MountPoint } from './host.ts';

export function parseMounts(mountinfo: string): MountPoint[] {
  return mountinfo
    .split('\n')
    .map(parseLine)
    .filter((mount) => mount !== undefined);
}

/**
 * The mount that `path` (absolute, normalised) lies on: the longest mount point above
 * it, the last one of equals.
 */
export function mountOf(path: string, mounts: readonly MountPoint[]): MountPoint | undefined {
  let best: MountPoint | undefined;
  for (const mount of mounts) {
    if (isBelow(path, mount.path) && (best === undefined || mount.path.length >= best.path.length))
      best = mount;
  }
  return best;
}

/** True for the folder itself too. */
export function isBelow(path: string, folder: string): boolean {
  return folder === '/' || path === folder || path.startsWith(`${folder}/`);
}

// 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
function parseLine(line: string): MountPoint | undefined {
  const fields = line.split(' ');
  const separator = fields.indexOf('-', 6);
  const [, , device, root, path, options] = fields;
  const [fileSystem, source, superOptions] = fields.slice(separator + 1);
  if (separator < 0 || !device || !root || !path || !options || !fileSystem) return undefined;
  return {
    path: unescapeOctal(path),
    device,
    root: unescapeOctal(root),
    fileSystem,
    source: unescapeOctal(source ?? ''),
    options: [...new Set([...options.split(','), ...(superOptions ?? '').split(',')])].filter(Boolean),
  };
}

function unescapeOctal(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
