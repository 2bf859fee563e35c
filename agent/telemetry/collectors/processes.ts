// What a host can run out of beside memory: process numbers, threads, open files.
import { type Collector, fields, gauge, type RecordShape } from './collector.ts';

const shape: RecordShape = {
  family: 'processes',
  labelNames: [],
  columns: [
    gauge('node_processes_pids'),
    gauge('node_processes_max_processes'),
    gauge('node_processes_max_threads'),
    gauge('node_filefd_allocated'),
    gauge('node_filefd_maximum'),
  ],
};

export const processes: Collector = {
  name: 'processes',
  shapes: [shape],
  collect({ procfs, sink, fault }) {
    const [allocated, , maximum] = fields(procfs.text('/proc/sys/fs/file-nr') ?? '');
    if (allocated === undefined || maximum === undefined) return fault();
    sink.put(
      shape,
      [],
      [
        procfs.list('/proc').filter((name) => /^\d+$/.test(name)).length,
        procfs.number('/proc/sys/kernel/pid_max'),
        procfs.number('/proc/sys/kernel/threads-max'),
        Number(allocated),
        Number(maximum),
      ],
    );
  },
};
