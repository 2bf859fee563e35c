// The mount table, as the collectors of file systems and of pods' volumes read it. Which file systems answer
// from memory, and which only across a network, where the answer may never come. What a user has mounted for
// himself (FUSE) answers nobody else, root neither, and there may be a thousand of it: it is left out.
import type { Procfs } from '../../host/procfs.ts';

const local = new Set(['ext2', 'ext3', 'ext4', 'xfs', 'btrfs', 'f2fs', 'vfat', 'tmpfs', 'bcachefs', 'zfs']);
const remote = /^(nfs4?|cifs|smb3|ceph|glusterfs|lustre|9p|fuse\..+|fuse|virtiofs|afs)$/;

export interface Mount {
  readonly device: string;
  readonly point: string;
  readonly type: string;
  readonly isReadOnly: boolean;
  /** Asking it may hang for ever. */
  readonly isRemote: boolean;
}

/** The last mount at a point hides those before it. */
export function mountsOf(procfs: Procfs, isWanted: (point: string) => boolean): Iterable<Mount> {
  const mounts = new Map<string, Mount>();
  for (const line of procfs.lines('/proc/self/mounts') ?? procfs.lines('/proc/mounts') ?? []) {
    const [device, point, type, options] = line.split(' ');
    if (device === undefined || point === undefined || type === undefined || options === undefined) continue;
    const isRemote = remote.test(type);
    if (!isWanted(point) || !(isRemote || local.has(type)) || isPrivate(options.split(','))) continue;
    mounts.set(point, {
      device: unescaped(device),
      point: unescaped(point),
      type,
      isReadOnly: options.split(',').includes('ro'),
      isRemote,
    });
  }
  return mounts.values();
}

/** Of the options of FUSE, which the kernel itself writes. */
function isPrivate(options: readonly string[]): boolean {
  const owner = options.find((option) => option.startsWith('user_id='));
  return owner !== undefined && owner !== 'user_id=0' && !options.includes('allow_other');
}

/** The kernel writes blanks and backslashes as octal. */
function unescaped(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}
