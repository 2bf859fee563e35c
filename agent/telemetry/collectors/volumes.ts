// Room on pods' volumes that are file systems of their own (claims, shared storage, memory): what fills up
// without the node's disk filling up. What kubelet mounts for configuration and secrets is left out. The
// kubelet's own kubelet_volume_stats, with the claim's name, come through the gateway; these come also while
// it is stuck on one of them.
import type { FileSystemSpace } from '../../host/procfs.ts';
import { type Collector, gauge, type Observation, type RecordShape } from './collector.ts';
import type { RemoteSpace } from './filesystems.ts';
import { type Mount, mountsOf } from './mounts.ts';

const pattern =
  /^\/var\/lib\/kubelet\/pods\/([^/]+)\/volumes\/(?:kubernetes\.io~)?([^/]+)\/([^/]+)(?:\/mount)?$/;
const configuration = new Set(['secret', 'configmap', 'projected', 'downward-api']);

const shape: RecordShape = {
  family: 'volumes',
  labelNames: ['pod_uid', 'plugin', 'volume'],
  columns: [
    gauge('regnode_node_pod_volume_size_bytes'),
    gauge('regnode_node_pod_volume_avail_bytes'),
    gauge('regnode_node_pod_volume_files'),
    gauge('regnode_node_pod_volume_files_free'),
    gauge('regnode_node_pod_volume_error'),
  ],
};

export function volumesCollector(remoteSpace: RemoteSpace): Collector {
  return {
    name: 'volumes',
    shapes: [shape],
    collect(observation) {
      for (const mount of mountsOf(observation.procfs, isVolume))
        collectVolume(observation, mount, remoteSpace);
    },
  };
}

function isVolume(point: string): boolean {
  const plugin = pattern.exec(point)?.[2];
  return plugin !== undefined && !configuration.has(plugin);
}

function collectVolume({ procfs, sink, fault }: Observation, mount: Mount, remoteSpace: RemoteSpace): void {
  const [, pod = '', plugin = '', volume = ''] = pattern.exec(mount.point) ?? [];
  let space: FileSystemSpace | undefined;
  try {
    space = (mount.isRemote ? remoteSpace : procfs).space(mount.point);
  } catch {
    space = undefined;
  }
  if (space === undefined) fault();
  const unit = space?.blockBytes ?? Number.NaN;
  sink.put(
    shape,
    [pod, plugin, volume],
    [
      (space?.blocks ?? Number.NaN) * unit,
      (space?.availableBlocks ?? Number.NaN) * unit,
      space?.files ?? Number.NaN,
      space?.freeFiles ?? Number.NaN,
      space === undefined ? 1 : 0,
    ],
  );
}
