// Which version of control groups the host runs, and which controllers it has.
import type { Host } from '../../host/host.ts';

export type CgroupVersion = 'v1' | 'v2' | 'none';

/** The hybrid layout (v2 beside v1 for systemd alone) counts as v1, as the kubelet sees it. */
export async function cgroupVersion(host: Host): Promise<CgroupVersion> {
  const mounts = await host.mounts();
  const root = mounts.findLast((mount) => mount.path === '/sys/fs/cgroup');
  if (root?.fileSystem === 'cgroup2') return 'v2';
  return mounts.some((mount) => mount.fileSystem === 'cgroup') ? 'v1' : 'none';
}

export async function controllers(host: Host, version: CgroupVersion): Promise<readonly string[]> {
  if (version === 'v2') {
    const list = (await host.files.readText('/sys/fs/cgroup/cgroup.controllers')) ?? '';
    return list.trim().split(/\s+/).filter(Boolean);
  }
  const mounts = await host.mounts();
  const mounted = new Set(
    mounts.filter((mount) => mount.fileSystem === 'cgroup').flatMap((mount) => mount.options),
  );
  const rows = ((await host.files.readText('/proc/cgroups')) ?? '').trim().split('\n');
  return rows
    .map((row) => row.split(/\s+/))
    .filter(([name, , , enabled]) => enabled === '1' && name !== undefined && mounted.has(name))
    .map(([name]) => name ?? '');
}
