// The Debian packages that the sandbox needs installed on the machine. Daemons (etcd, containerd) are not
// among them: they are unpacked into the cache, because installing them would start them.
import { ensurePackages } from '../machine/apt.ts';
import type { Progress } from '../machine/progress.ts';

const machinePackages = [
  'ca-certificates',
  'curl',
  'debootstrap',
  'iproute2',
  'iptables',
  'procps',
  'socat',
  'systemd-container',
  'util-linux',
] as const;

export function ensureMachinePackages(progress: Progress): Promise<void> {
  return ensurePackages(machinePackages, progress);
}
