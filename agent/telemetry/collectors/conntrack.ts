// Connection tracking: how full the table is. Absent where the kernel does not track.
import { type Collector, gauge, type RecordShape } from './collector.ts';

const shape: RecordShape = {
  family: 'conntrack',
  labelNames: [],
  columns: [gauge('node_nf_conntrack_entries'), gauge('node_nf_conntrack_entries_limit')],
};

export const conntrack: Collector = {
  name: 'conntrack',
  shapes: [shape],
  collect({ procfs, sink }) {
    const entries = procfs.number('/proc/sys/net/netfilter/nf_conntrack_count');
    if (Number.isNaN(entries)) return;
    sink.put(shape, [], [entries, procfs.number('/proc/sys/net/netfilter/nf_conntrack_max')]);
  },
};
