// The real host: the whole file system, real processes, real time.
import { hostname, machine, release } from 'node:os';
import { normalize } from 'node:path';
import { systemClock } from './clock.ts';
import { withDiskFaults } from './disk-faults.ts';
import { createFiles } from './files.ts';
import type { Host } from './host.ts';
import { parseMounts } from './mounts.ts';
import { systemNetwork } from './network.ts';
import { systemProcesses } from './processes.ts';
import { createSysctl } from './sysctl.ts';

export function createHost(): Host {
  const files = createFiles(async (path) => normalize(path));
  return {
    files: withDiskFaults(files),
    processes: systemProcesses,
    network: systemNetwork,
    clock: systemClock,
    hostname: async () => hostname(),
    kernel: async () => ({ release: release(), machine: machine() }),
    mounts: async () => parseMounts((await files.readText('/proc/self/mountinfo')) ?? ''),
    ...createSysctl(files),
  };
}
