// What a host measures for its heartbeat: each is a row here and a line in
// agent/telemetry/heartbeat/vitals.ts, and nothing else. They go over the wire in this order, so a new one
// comes last; a host of a former release says 0 for it.
export interface Vital {
  /** Name of its series, if it has one; the metrics tell the others in more detail. */
  readonly series?: string;
}

export const vitals = {
  uptimeSeconds: {},
  load1: {},
  cpuUsedRatio: { series: 'regnode_node_cpu_used_ratio' },
  memoryTotalBytes: {},
  memoryAvailableBytes: {},
  diskFreeBytes: { series: 'regnode_node_disk_free_bytes' },
} as const satisfies Readonly<Record<string, Vital>>;

export type VitalName = keyof typeof vitals;
export type Vitals = Readonly<Record<VitalName, number>>;
export const vitalNames = Object.keys(vitals) as readonly VitalName[];

/**
 * So many stand before the numbers of the ring, where the first release had them; later ones stand behind.
 */
export const firstVitals = 6;
