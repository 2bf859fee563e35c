// The agent itself, from /proc/self: what watching the host costs the host.
import { type Collector, counter, fields, gauge, numbersByName, type RecordShape } from './collector.ts';

const ticksPerSecond = 100;

const shape: RecordShape = {
  family: 'agent',
  labelNames: [],
  columns: [
    counter('regnode_agent_cpu_seconds_total'),
    gauge('regnode_agent_resident_memory_bytes'),
    gauge('regnode_agent_threads'),
    gauge('regnode_agent_open_fds'),
    counter('regnode_agent_voluntary_context_switches_total'),
  ],
};

export const agent: Collector = {
  name: 'agent',
  shapes: [shape],
  collect({ procfs, sink, fault }) {
    const stat = procfs.text('/proc/self/stat') ?? '';
    // The command's name is in parentheses and may hold blanks: count from behind it.
    const after = fields(stat.slice(stat.lastIndexOf(')') + 1));
    const status = numbersByName(procfs.text('/proc/self/status'));
    if (after.length < 20) return fault();
    sink.put(
      shape,
      [],
      [
        (Number(after[11]) + Number(after[12])) / ticksPerSecond,
        (status.get('VmRSS') ?? Number.NaN) * 1024,
        status.get('Threads') ?? Number.NaN,
        procfs.list('/proc/self/fd').length,
        status.get('voluntary_ctxt_switches') ?? Number.NaN,
      ],
    );
  },
};
