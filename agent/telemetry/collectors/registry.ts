// All metric families, in the order in which they are collected. Adding one is one file and one line here.
import { agent } from './agent.ts';
import { cgroups } from './cgroups.ts';
import type { Collector } from './collector.ts';
import { conntrack } from './conntrack.ts';
import { cpu } from './cpu.ts';
import { disks } from './disks.ts';
import { filesystemsCollector, type RemoteSpace } from './filesystems.ts';
import { LineCollector } from './line.ts';
import { load } from './load.ts';
import { memory } from './memory.ts';
import { network } from './network.ts';
import { pressure } from './pressure.ts';
import { processes } from './processes.ts';
import { runtime } from './runtime.ts';
import { sockets } from './sockets.ts';
import { thermal } from './thermal.ts';
import { timeCollector } from './time.ts';
import { timexCollector } from './timex.ts';
import { vmstat } from './vmstat.ts';
import { volumesCollector } from './volumes.ts';

export function collectorsOf(remoteSpace: RemoteSpace, line = new LineCollector()): readonly Collector[] {
  return [
    cpu,
    load,
    memory,
    vmstat,
    pressure,
    disks,
    filesystemsCollector(remoteSpace),
    network,
    sockets,
    conntrack,
    processes,
    timeCollector(),
    timexCollector(),
    thermal,
    cgroups,
    runtime,
    volumesCollector(remoteSpace),
    line,
    agent,
  ];
}
