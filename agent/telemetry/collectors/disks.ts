// Block devices from /proc/diskstats, one group per device. Loop, ram and compressed-swap devices and
// partitions are left out; what a kernel does not count (discards before 4.18, flushes before 5.5) is NaN.
import { type Collector, counter, fields, gauge, lines, type RecordShape } from './collector.ts';

const sectorBytes = 512;
const ignored = /^(ram|loop|fd|sr|zram|(h|s|v|xv)d[a-z]+\d|nvme\d+n\d+p\d|mmcblk\d+p\d)/;

/** Column of the line (counted from the first number after the name), metric, unit. */
const table: readonly (readonly [number, ReturnType<typeof counter>, number])[] = [
  [0, counter('node_disk_reads_completed_total'), 1],
  [1, counter('node_disk_reads_merged_total'), 1],
  [2, counter('node_disk_read_bytes_total'), sectorBytes],
  [3, counter('node_disk_read_time_seconds_total'), 0.001],
  [4, counter('node_disk_writes_completed_total'), 1],
  [5, counter('node_disk_writes_merged_total'), 1],
  [6, counter('node_disk_written_bytes_total'), sectorBytes],
  [7, counter('node_disk_write_time_seconds_total'), 0.001],
  [8, gauge('node_disk_io_now'), 1],
  [9, counter('node_disk_io_time_seconds_total'), 0.001],
  [10, counter('node_disk_io_time_weighted_seconds_total'), 0.001],
  [11, counter('node_disk_discards_completed_total'), 1],
  [15, counter('node_disk_flush_requests_total'), 1],
];

const shape: RecordShape = {
  family: 'disks',
  labelNames: ['device'],
  columns: table.map(([, column]) => column),
};

export const disks: Collector = {
  name: 'disks',
  shapes: [shape],
  collect({ procfs, sink, fault }) {
    for (const line of lines(procfs.text('/proc/diskstats'))) {
      const [, , device, ...counts] = fields(line);
      if (device === undefined || counts.length < 11) fault();
      else if (!ignored.test(device)) {
        sink.put(
          shape,
          [device],
          table.map(([index, , unit]) => Number(counts[index] ?? 'absent') * unit),
        );
      }
    }
  },
};
