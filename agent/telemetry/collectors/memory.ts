// /proc/meminfo, field by field, under node_exporter's names.
import { type Collector, gauge, numbersByName, type RecordShape } from './collector.ts';

const names = [
  'MemTotal', 'MemFree', 'MemAvailable', 'Buffers', 'Cached', 'SwapCached', 'Active', 'Inactive', 'SwapTotal', 'SwapFree',
  'Dirty', 'Writeback', 'AnonPages', 'Mapped', 'Shmem', 'Slab', 'SReclaimable', 'SUnreclaim', 'KernelStack', 'PageTables',
  'CommitLimit', 'Committed_AS', 'AnonHugePages', 'HugePages_Total', 'HugePages_Free', 'Hugepagesize',
] as const; // biome-ignore format: a table

const isCount = (name: string) => name.startsWith('HugePages_');

const shape: RecordShape = {
  family: 'memory',
  labelNames: [],
  columns: names.map((name) => gauge(isCount(name) ? `node_memory_${name}` : `node_memory_${name}_bytes`)),
};

export const memory: Collector = {
  name: 'memory',
  shapes: [shape],
  collect({ procfs, sink, fault }) {
    const numbers = numbersByName(procfs.text('/proc/meminfo'));
    if (!numbers.has('MemTotal')) return fault();
    sink.put(
      shape,
      [],
      names.map((name) => (numbers.get(name) ?? Number.NaN) * (isCount(name) ? 1 : 1024)),
    );
  },
};
