// Room and inodes of mounted file systems. Only those on the host's own devices are asked here, since they answer from memory;
// one across a network may hang for ever, and is asked by RemoteSpace, which nothing waits for.
import type { FileSystemSpace, Procfs } from '../../host/procfs.ts';
import { type Collector, gauge, lines, type Observation, type RecordShape } from './collector.ts';

const local = new Set(['ext2', 'ext3', 'ext4', 'xfs', 'btrfs', 'f2fs', 'vfat', 'tmpfs', 'bcachefs', 'zfs']);
const remote = /^(nfs4?|cifs|smb3|ceph|glusterfs|lustre|9p|fuse\..+|fuse|virtiofs|afs)$/;
/** Mounts of containers and pods: their number is that of the pods, and their space is the host's. */
const ignoredPoints =
  /^\/(dev|proc|sys|run\/(user|containerd|netns|credentials)|var\/lib\/(docker|containers|kubelet\/pods|containerd)\/)(\/|.|$)/;

const shape: RecordShape = {
  family: 'filesystems',
  labelNames: ['device', 'fstype', 'mountpoint'],
  columns: [
    gauge('node_filesystem_size_bytes'),
    gauge('node_filesystem_free_bytes'),
    gauge('node_filesystem_avail_bytes'),
    gauge('node_filesystem_files'),
    gauge('node_filesystem_files_free'),
    gauge('node_filesystem_readonly'),
    gauge('node_filesystem_device_error'),
  ],
};

/** Answers what it knows by now of a mount that may hang; undefined while it knows nothing. */
export interface RemoteSpace {
  space(mountPoint: string): FileSystemSpace | undefined;
}

interface Mount {
  readonly device: string;
  readonly point: string;
  readonly type: string;
  readonly isReadOnly: boolean;
}

export function filesystemsCollector(remoteSpace: RemoteSpace): Collector {
  return {
    name: 'filesystems',
    collect(observation) {
      for (const mount of mountsOf(observation.procfs)) {
        collectMount(observation, mount, remote.test(mount.type) ? remoteSpace : observation.procfs);
      }
    },
  };
}

function collectMount({ sink, fault }: Observation, mount: Mount, source: RemoteSpace): void {
  let space: FileSystemSpace | undefined;
  try {
    space = source.space(mount.point);
  } catch {
    space = undefined;
  }
  if (space === undefined) fault();
  const unit = space?.blockBytes ?? Number.NaN;
  sink.put(
    shape,
    [mount.device, mount.type, mount.point],
    [
      (space?.blocks ?? Number.NaN) * unit,
      (space?.freeBlocks ?? Number.NaN) * unit,
      (space?.availableBlocks ?? Number.NaN) * unit,
      space?.files ?? Number.NaN,
      space?.freeFiles ?? Number.NaN,
      mount.isReadOnly ? 1 : 0,
      space === undefined ? 1 : 0,
    ],
  );
}

/** The last mount at a point hides those before it. */
function mountsOf(procfs: Procfs): Iterable<Mount> {
  const mounts = new Map<string, Mount>();
  for (const line of lines(procfs.text('/proc/self/mounts') ?? procfs.text('/proc/mounts'))) {
    const [device, point, type, options] = line.split(' ');
    if (device === undefined || point === undefined || type === undefined || options === undefined) continue;
    if (ignoredPoints.test(point) || !(local.has(type) || remote.test(type))) continue;
    mounts.set(point, {
      device: unescaped(device),
      point: unescaped(point),
      type,
      isReadOnly: options.split(',').includes('ro'),
    });
  }
  return mounts.values();
}

/** The kernel writes blanks and backslashes as octal. */
function unescaped(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}
