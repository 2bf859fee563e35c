// Which version of control groups the host runs, and which controllers it has.
import type { Host } from '../../host/host.ts';
import { observeCgroupVersion } from '../../host/traits.ts';

export type CgroupVersion = 'v1' | 'v2' | 'none';

export async function cgroupVersion(host: Host): Promise<CgroupVersion> {
  const version = await observeCgroupVersion(host);
  return version === undefined ? 'none' : `v${version}`;
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
