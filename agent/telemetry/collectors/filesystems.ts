// Room and inodes of mounted file systems. Only those on the host's own devices are asked here,
// since they answer from memory; one across a network may hang for ever, and is asked by
// RemoteSpace, which nothing waits for.
import type { FileSystemSpace } from '../../host/procfs.ts';
import { type Collector, gauge, type Observation, type RecordShape } from './collector.ts';
import { type Mount, mountsOf } from './mounts.ts';

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

export function filesystemsCollector(remoteSpace: RemoteSpace): Collector {
  return {
    name: 'filesystems',
    shapes: [shape],
    collect(observation) {
      for (const mount of mountsOf(observation.procfs, (point) => !ignoredPoints.test(point))) {
        collectMount(observation, mount, mount.isRemote ? remoteSpace : observation.procfs);
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
