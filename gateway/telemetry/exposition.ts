// Prometheus text format: all samples of one name stand together below one TYPE line. The part of a line before its
// value does not change while its group lives, so it is made once.
import type { Heartbeat } from '../../protocol/control.ts';
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
    const age = ['regnode_node_heartbeat_age_seconds', 'gauge', ageSeconds] as const;
    for (const [name, type, value] of [age, ...heartbeatSeries(heartbeat)]) {
      this.add(name, type, `${sampleName(name, node)} ${numberText(value)}`);
    }
  }

  addOwn({ name, type, labels, value }: OwnMetric): void {
    const shown = Object.keys(labels).length === 0 ? name : sampleName(name, labels);
    this.add(name, type, `${shown} ${numberText(value)}`);
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
