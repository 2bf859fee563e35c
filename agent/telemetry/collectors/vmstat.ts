// The few counters of /proc/vmstat that tell of pressure: paging, faults, kills for want of memory.
import { type Collector, counter, numbersByName, type RecordShape } from './collector.ts';

const names = ['pgpgin', 'pgpgout', 'pswpin', 'pswpout', 'pgfault', 'pgmajfault', 'oom_kill'] as const;

const shape: RecordShape = {
  family: 'vmstat',
  labelNames: [],
  columns: names.map((name) => counter(`node_vmstat_${name}`)),
};

export const vmstat: Collector = {
  name: 'vmstat',
  shapes: [shape],
  collect({ procfs, sink, fault }) {
    const numbers = numbersByName(procfs.text('/proc/vmstat'));
    if (!numbers.has('pgfault')) return fault();
    sink.put(
      shape,
      [],
      names.map((name) => numbers.get(name) ?? Number.NaN),
    );
  },
};
