// What of a heartbeat is shown as series: once for the scrape and for remote-write.
import type { Heartbeat } from '../../protocol/messages/control.ts';

export type HeartbeatSeries = readonly [name: string, type: 'counter' | 'gauge', value: number];

export function heartbeatSeries(heartbeat: Heartbeat): readonly HeartbeatSeries[] {
  return [
    ['regnode_node_heartbeat_sent_timestamp_seconds', 'gauge', heartbeat.sentAtMs / 1000],
    ['regnode_node_kubelet_healthy', 'gauge', heartbeat.kubeletHealthy ? 1 : 0],
    ['regnode_node_containerd_healthy', 'gauge', heartbeat.containerdHealthy ? 1 : 0],
    ['regnode_node_cpu_used_ratio', 'gauge', heartbeat.cpuUsedRatio],
    ['regnode_node_disk_free_bytes', 'gauge', heartbeat.diskFreeBytes],
    ['regnode_node_records_produced_total', 'counter', heartbeat.ring.produced],
    ['regnode_node_records_acknowledged_total', 'counter', heartbeat.ring.acknowledged],
    ['regnode_node_records_pending', 'gauge', heartbeat.ring.pending],
    ['regnode_node_records_lost_total', 'counter', heartbeat.ring.lost],
  ];
}
