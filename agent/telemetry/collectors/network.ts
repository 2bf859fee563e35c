// Network devices: counters from /proc/net/dev, state from /sys/class/net. Links of pods (veth, lxc) come and
// go with them and are left out: the pod's own metrics have their traffic.
import { type Collector, counter, fields, gauge, lines, type RecordShape } from './collector.ts';

const ignored = /^(veth|lxc|cali|cilium_.+_tmp|ifb)/;

/** Column of /proc/net/dev and the metric's name after node_network_. */
const counters = [
  [0, 'receive_bytes_total'],
  [1, 'receive_packets_total'],
  [2, 'receive_errs_total'],
  [3, 'receive_drop_total'],
  [7, 'receive_multicast_total'],
  [8, 'transmit_bytes_total'],
  [9, 'transmit_packets_total'],
  [10, 'transmit_errs_total'],
  [11, 'transmit_drop_total'],
  [13, 'transmit_colls_total'],
  [14, 'transmit_carrier_total'],
] as const;

const shape: RecordShape = {
  family: 'network',
  labelNames: ['device'],
  columns: [
    ...counters.map(([, name]) => counter(`node_network_${name}`)),
    gauge('node_network_up'),
    gauge('node_network_mtu_bytes'),
    gauge('node_network_speed_bytes'),
    counter('node_network_carrier_changes_total'),
  ],
};

export const network: Collector = {
  name: 'network',
  shapes: [shape],
  collect({ procfs, sink, fault }) {
    for (const line of lines(procfs.text('/proc/net/dev')).slice(2)) {
      const colon = line.lastIndexOf(':');
      const device = line.slice(0, Math.max(0, colon)).trim();
      const counts = fields(line.slice(colon + 1));
      if (device === '' || counts.length < 16) fault();
      else if (!ignored.test(device)) {
        const folder = `/sys/class/net/${device}`;
        const speed = procfs.number(`${folder}/speed`);
        sink.put(
          shape,
          [device],
          [
            ...counters.map(([index]) => Number(counts[index])),
            procfs.text(`${folder}/operstate`)?.trim() === 'up' ? 1 : 0,
            procfs.number(`${folder}/mtu`),
            // The kernel says -1 where a link has no speed.
            speed > 0 ? (speed * 1_000_000) / 8 : Number.NaN,
            procfs.number(`${folder}/carrier_changes`),
          ],
        );
      }
    }
  },
};
