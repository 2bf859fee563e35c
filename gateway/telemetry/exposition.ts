// Prometheus text format: all samples of one name stand together below one TYPE line. The part of a line
// before its value does not change while its group lives, so it is made once.

import { sampleName, sampleNumber } from '../../protocol/formats/prometheus.ts';
import type { Heartbeat } from '../../protocol/telemetry/heartbeat.ts';
import { heartbeatSeries } from './heartbeat-series.ts';
import type { SeriesGroup } from './node-series.ts';
import type { OwnMetric } from './self-metrics.ts';

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

  /** `alone`: in a page that is about this node and nothing else, without its name and pool. */
  addGroup(node: NodeLabels, group: SeriesGroup, alone = false): void {
    if (group.shown?.pool !== node.pool) {
      const names = group.columns.map((column) =>
        sampleName(column.name, { ...node, ...group.labels, ...column.labels }),
      );
      group.shown = { pool: node.pool, names };
    }
    const { names } = group.shown;
    const skipped = alone ? sampleName('', node).length : 0;
    for (const [index, column] of group.columns.entries()) {
      const value = group.values[index] ?? Number.NaN;
      // A column without a value on this host is left out.
      if (!Number.isNaN(value)) {
        const full = names[index] ?? '';
        const name = alone ? withoutNode(full, column.name.length, skipped) : full;
        this.add(column.name, column.type, `${name} ${sampleNumber(value)}`);
      }
    }
  }

  addHeartbeat(node: NodeLabels | undefined, heartbeat: Heartbeat, ageSeconds: number): void {
    const age = ['regnode_node_heartbeat_age_seconds', 'gauge', ageSeconds] as const;
    for (const [name, type, value] of [age, ...heartbeatSeries(heartbeat)]) {
      this.add(name, type, `${sampleName(name, node ?? {})} ${sampleNumber(value)}`);
    }
  }

  addOwn({ name, type, labels, value }: OwnMetric): void {
    this.add(name, type, `${sampleName(name, labels)} ${sampleNumber(value)}`);
  }

  render(): string[] {
    return [...this.#families].flatMap(([name, { type, lines }]) => [`# TYPE ${name} ${type}`, ...lines]);
  }
}

/** Node and pool stand first, and a node can't set them: what is left are slices of the name that is kept. */
function withoutNode(sample: string, nameLength: number, skipped: number): string {
  const rest = sample.slice(nameLength + skipped);
  return rest === '' ? sample.slice(0, nameLength) : `${sample.slice(0, nameLength)}{${rest}`;
}
