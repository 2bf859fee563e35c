// What the node's own services and all pods together use, from their control groups; version 1 (each
// controller a tree of its own) and version 2 (one tree). A group that is not there is left out: a host
// before its join has no kubelet.
import type { Procfs } from '../../host/procfs.ts';
import { type Collector, counter, gauge, numbersByName, type RecordShape } from './collector.ts';

const base = '/sys/fs/cgroup';

/** Name in the label, and where it may lie below a controller. */
const groups = [
  ['kubelet', ['system.slice/kubelet.service']],
  ['containerd', ['system.slice/containerd.service']],
  ['regnode', ['system.slice/regnode.service']],
  ['pods', ['kubepods.slice', 'kubepods']],
] as const;

const shape: RecordShape = {
  family: 'cgroups',
  labelNames: ['group'],
  columns: [
    counter('node_cgroup_cpu_seconds_total'),
    counter('node_cgroup_cpu_throttled_seconds_total'),
    gauge('node_cgroup_memory_bytes'),
    gauge('node_cgroup_memory_working_set_bytes'),
    gauge('node_cgroup_pids'),
  ],
};

export const cgroups: Collector = {
  name: 'cgroups',
  shapes: [shape],
  collect({ procfs, sink }) {
    const isUnified = procfs.text(`${base}/cgroup.controllers`) !== undefined;
    const read = isUnified ? readUnified : readPerController;
    for (const [name, places] of groups) {
      const values = places.map((place) => read(procfs, place)).find((found) => found !== undefined);
      if (values !== undefined) sink.put(shape, [name], values);
    }
  },
};

function readUnified(procfs: Procfs, place: string): number[] | undefined {
  const folder = `${base}/${place}`;
  const cpu = procfs.text(`${folder}/cpu.stat`);
  if (cpu === undefined) return undefined;
  const times = numbersByName(cpu);
  const memory = procfs.number(`${folder}/memory.current`);
  const inactive = numbersByName(procfs.text(`${folder}/memory.stat`)).get('inactive_file') ?? Number.NaN;
  return [
    (times.get('usage_usec') ?? Number.NaN) / 1e6,
    (times.get('throttled_usec') ?? Number.NaN) / 1e6,
    memory,
    Math.max(0, memory - inactive),
    procfs.number(`${folder}/pids.current`),
  ];
}

function readPerController(procfs: Procfs, place: string): number[] | undefined {
  const usage = firstNumber(
    procfs,
    ['cpuacct', 'cpu,cpuacct'].map((controller) => `${base}/${controller}/${place}/cpuacct.usage`),
  );
  if (Number.isNaN(usage)) return undefined;
  const folder = `${base}/memory/${place}`;
  const memory = procfs.number(`${folder}/memory.usage_in_bytes`);
  const inactive =
    numbersByName(procfs.text(`${folder}/memory.stat`)).get('total_inactive_file') ?? Number.NaN;
  const throttled = ['cpu', 'cpu,cpuacct']
    .map((controller) =>
      numbersByName(procfs.text(`${base}/${controller}/${place}/cpu.stat`)).get('throttled_time'),
    )
    .find((time) => time !== undefined);
  return [
    usage / 1e9,
    (throttled ?? Number.NaN) / 1e9,
    memory,
    Math.max(0, memory - inactive),
    procfs.number(`${base}/pids/${place}/pids.current`),
  ];
}

function firstNumber(procfs: Procfs, paths: readonly string[]): number {
  return paths.map((path) => procfs.number(path)).find((value) => !Number.isNaN(value)) ?? Number.NaN;
}
