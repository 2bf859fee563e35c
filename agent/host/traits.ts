// What the compatibility table (protocol/compatibility/) asks of a host, looked up through the door. Only
// reads; what can't be found out stays unknown, and then no rule about it holds.
import type { HostTraits } from '../../protocol/compatibility/host-traits.ts';
import type { Host } from './host.ts';

const sysResourceBit = 24n;

export async function observeTraits(
  host: Host,
): Promise<HostTraits & { readonly cgroupVersion: 1 | 2 | undefined }> {
  const [kernel, cgroupVersion, glibc, systemd, canLowerOomScore] = await Promise.all([
    host.kernel(),
    observeCgroupVersion(host),
    firstMatch(host, 'getconf', ['GNU_LIBC_VERSION'], /^glibc (\d[\d.]*)/),
    firstMatch(host, 'systemctl', ['--version'], /^systemd (\d+)/),
    observeSysResource(host),
  ]);
  return { kernelRelease: kernel.release, cgroupVersion, glibc, systemd, canLowerOomScore };
}

/** The hybrid layout (v2 beside v1 for systemd alone) counts as v1, as the kubelet sees it. */
export async function observeCgroupVersion(host: Host): Promise<1 | 2 | undefined> {
  const mounts = await host.mounts();
  const root = mounts.findLast((mount) => mount.path === '/sys/fs/cgroup');
  if (root?.fileSystem === 'cgroup2') return 2;
  return mounts.some((mount) => mount.fileSystem === 'cgroup') ? 1 : undefined;
}

// Of pid 1, which starts the units; the agent itself may have been given fewer capabilities.
async function observeSysResource(host: Host): Promise<boolean | undefined> {
  const status = (await host.files.readText('/proc/1/status')) ?? '';
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  return effective === undefined ? undefined : ((BigInt(`0x${effective}`) >> sysResourceBit) & 1n) === 1n;
}

async function firstMatch(
  host: Host,
  command: string,
  args: readonly string[],
  pattern: RegExp,
): Promise<string | undefined> {
  const result = await host.processes.run(command, args, { timeoutMs: 5000 });
  return result.exitCode === 0 ? pattern.exec(result.stdout)?.[1] : undefined;
}
