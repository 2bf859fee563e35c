// Prometheus text format: all samples of one name stand together below one TYPE line. The part of a line before its
// value does not change while its group lives, so it is made once.
import type { Heartbeat } from '../../protocol/control.ts';
import type { SeriesGroup } from './node-series.ts';

/** Labels of everything that a node says. */
export interface NodeLabels {
  readonly node: string;
  readonly pool: string;
}

export class Exposition {
  readonly #families = new Map<string, { type: string; lines: string[] }>();

  add(name: string, type: string, line: string): void {
    let family = this.#families.get(name);
    if (family === undefined) {
      family = { type, lines: [] };
      this.#families.set(name, family);
    }
    family.lines.push(line);
  }

  addGroup(node: NodeLabels, group: SeriesGroup): void {
    if (group.shown?.pool !== node.pool) {
      const names = group.columns.map((column) =>
        sampleName(column.name, { ...node, ...group.labels, ...column.labels }),
      );
      group.shown = { pool: node.pool, names };
    }
    const { names } = group.shown;
    for (const [index, column] of group.columns.entries()) {
      const value = group.values[index] ?? Number.NaN;
      // A column without a value on this host is left out.
      if (!Number.isNaN(value)) {
        this.add(column.name, column.type, `${names[index]} ${numberText(value)}`);
      }
    }
  }

  addHeartbeat(node: NodeLabels, heartbeat: Heartbeat, ageSeconds: number): void {
    const values = [
      ['regnode_node_heartbeat_age_seconds', 'gauge', ageSeconds],
      ['regnode_node_heartbeat_sent_timestamp_seconds', 'gauge', heartbeat.sentAtMs / 1000],
      ['regnode_node_kubelet_healthy', 'gauge', heartbeat.kubeletHealthy ? 1 : 0],
      ['regnode_node_containerd_healthy', 'gauge', heartbeat.containerdHealthy ? 1 : 0],
      ['regnode_node_cpu_used_ratio', 'gauge', heartbeat.cpuUsedRatio],
      ['regnode_node_disk_free_bytes', 'gauge', heartbeat.diskFreeBytes],
      ['regnode_node_records_produced_total', 'counter', heartbeat.ring.produced],
      ['regnode_node_records_acknowledged_total', 'counter', heartbeat.ring.acknowledged],
      ['regnode_node_records_pending', 'gauge', heartbeat.ring.pending],
      ['regnode_node_records_lost_total', 'counter', heartbeat.ring.lost],
    ] as const;
    for (const [name, type, value] of values) {
      this.add(name, type, `${sampleName(name, node)} ${numberText(value)}`);
    }
  }

  render(): string[] {
    return [...this.#families].flatMap(([name, { type, lines }]) => [`# TYPE ${name} ${type}`, ...lines]);
  }
}

function sampleName(name: string, labels: object): string {
  const pairs = Object.entries(labels).map(
    ([label, value]: [string, string]) => `${label}="${escaped(value)}"`,
  );
  return `${name}{${pairs.join(',')}}`;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}
