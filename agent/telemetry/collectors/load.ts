// Load averages and, from the same line, how many threads there are and how many may run.
import { type Collector, fields, gauge, type RecordShape } from './collector.ts';

const shape: RecordShape = {
  family: 'load',
  labelNames: [],
  columns: [gauge('node_load1'), gauge('node_load5'), gauge('node_load15'), gauge('node_processes_threads')],
};

export const load: Collector = {
  name: 'load',
  shapes: [shape],
  collect({ procfs, sink, fault }) {
    const [one, five, fifteen, threads] = fields(procfs.text('/proc/loadavg') ?? '');
    const values = [one, five, fifteen, threads?.split('/')[1]].map((text) => Number(text ?? 'absent'));
    if (values.some(Number.isNaN)) return fault();
    sink.put(shape, [], values);
  },
};
