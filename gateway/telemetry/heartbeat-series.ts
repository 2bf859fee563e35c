// What of a heartbeat is shown as series: once for the scrape and for remote-write.
import type { Heartbeat } from '../../protocol/telemetry/heartbeat.ts';
import { type Vital, vitalNames, vitals } from '../../protocol/telemetry/vitals.ts';

const shownVitals = vitalNames.flatMap((name) => {
  const { series }: Vital = vitals[name];
  return series === undefined ? [] : [[name, series] as const];
});

export type HeartbeatSeries = readonly [name: string, type: 'counter' | 'gauge', value: number];

export function heartbeatSeries(heartbeat: Heartbeat): readonly HeartbeatSeries[] {
  return [
    ['regnode_node_heartbeat_sent_timestamp_seconds', 'gauge', heartbeat.sentAtMs / 1000],
    ['regnode_node_kubelet_healthy', 'gauge', heartbeat.kubeletHealthy ? 1 : 0],
    ['regnode_node_containerd_healthy', 'gauge', heartbeat.containerdHealthy ? 1 : 0],
    ...shownVitals.map(([name, series]) => [series, 'gauge', heartbeat[name]] as const),
    ['regnode_node_records_produced_total', 'counter', heartbeat.ring.produced],
    ['regnode_node_records_acknowledged_total', 'counter', heartbeat.ring.acknowledged],
    ['regnode_node_records_pending', 'gauge', heartbeat.ring.pending],
    ['regnode_node_records_lost_total', 'counter', heartbeat.ring.lost],
  ];
}
