// The real host: the whole file system, real processes, real time.

import { realpath } from 'node:fs/promises';
import { hostname, machine, release } from 'node:os';
import { basename, dirname, join, normalize } from 'node:path';
import { systemClock } from './clock.ts';
import { withDiskFaults } from './disk-faults.ts';
import { hasCode } from './durable.ts';
import { createFiles } from './files.ts';
import type { Host } from './host.ts';
import { parseMounts } from './mounts.ts';
import { systemNetwork } from './network.ts';
import { systemProcesses } from './processes.ts';
import { openSpoolDisk } from './spool-disk.ts';
import { createSysctl } from './sysctl.ts';

/**
 * A thousand mounts, which a user may make by FUSE, with the longest paths, in
 * which each blank is four bytes.
 */
const mountsLimitBytes = 128 * 1024 * 1024;

export function createHost(): Host {
  const files = createFiles(
    (path, followLast) => (followLast ? asWritten(path) : besideLinks(path)),
    resolveLinks,
  );
  return {
    files: withDiskFaults(files),
    processes: systemProcesses,
    network: systemNetwork,
    clock: systemClock,
    environment: process.env,
    hostname: async () => hostname(),
    kernel: async () => ({ release: release(), machine: machine() }),
    mounts: async () => parseMounts((await files.readText('/proc/self/mountinfo', mountsLimitBytes)) ?? ''),
    ...createSysctl(files),
    inventory: async () => (await import('./inventory.ts')).readInventory(),
    openSpool: openSpoolDisk,
  };
}

async function asWritten(path: string): Promise<string> {
  return normalize(path);
}

/** A folder that is opened without following links may lie behind one, but is none itself. */
async function besideLinks(path: string): Promise<string> {
  const wanted = normalize(path);
  return wanted === '/' ? wanted : join(await resolveLinks(dirname(wanted)), basename(wanted));
}

async function resolveLinks(path: string): Promise<string> {
  const wanted = normalize(path);
  try {
    return await realpath(wanted);
  } catch (error) {
    if (wanted === '/' || !hasCode(error, 'ENOENT', 'ENOTDIR')) throw error;
    return join(await resolveLinks(dirname(wanted)), basename(wanted));
  }
}
