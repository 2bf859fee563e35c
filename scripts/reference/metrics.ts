// docs/reference/metrics.md: what the gateway tells of itself, from its registry, and what it tells of each
// node, from the heartbeat and from the shapes that the collectors write.
import { Registry } from 'prom-client';
import type { RecordShape } from '../../agent/telemetry/collectors/collector.ts';
import { collectorsOf } from '../../agent/telemetry/collectors/registry.ts';
import { roundShape } from '../../agent/telemetry/collectors/round.ts';
import { createCounters } from '../../gateway/audit/counters.ts';
import { registerFigures } from '../../gateway/audit/figures.ts';
import { heartbeatSeries } from '../../gateway/telemetry/heartbeat-series.ts';
import { RemoteWriteFigures } from '../../gateway/telemetry/remote-write/figures.ts';
import { SelfMetrics } from '../../gateway/telemetry/self-metrics.ts';
import { vitalNames } from '../../protocol/telemetry/vitals.ts';
import { metricHelp } from './metric-help.ts';
import { code, codes, page, table } from './table.ts';

interface Metric {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
  readonly help: string;
}

export async function metricsPage(): Promise<string> {
  const collectors = [
    ...collectorsOf({ space: () => undefined }),
    { name: 'collectors', shapes: [roundShape] },
  ];
  return page(
    'Metrics',
    'How they come to Prometheus, and with which labels (`node`, `pool`, `instance`), is in [operators/metrics.md](../operators/metrics.md).',
    '## The gateway',
    metricTable([...(await ownMetrics()), ...telemetryMetrics()]),
    '## Nodes: the heartbeat',
    metricTable(heartbeatMetrics()),
    '## Nodes: the collectors',
    "Names that begin with `node_` are those of Prometheus' node_exporter and mean the same.",
    ...collectors.flatMap(({ name, shapes }) => [`### ${name}`, metricTable(shapes.flatMap(metricsOf))]),
  );
}

/** Of every name that is ours. */
export async function ownNames(): Promise<readonly string[]> {
  const shapes = [...collectorsOf({ space: () => undefined }).flatMap(({ shapes }) => shapes), roundShape];
  const all = [...telemetryMetrics(), ...heartbeatMetrics(), ...shapes.flatMap(metricsOf)];
  return all.map(({ name }) => name).filter((name) => name.startsWith('regnode_'));
}

async function ownMetrics(): Promise<readonly Metric[]> {
  const { registry } = createCounters();
  const nothing = () => {
    throw new Error('nobody asks for values here');
  };
  const rest = new Registry();
  registerFigures(rest, {
    ...{ hub: nothing, registered: nothing, replicas: nothing, connected: nothing, name: '' },
  });
  new RemoteWriteFigures().register(rest, nothing);
  // What it says at run time: the types say that `type` is a number.
  const described = [...registry.getMetricsAsArray(), ...rest.getMetricsAsArray()] as unknown as readonly {
    readonly name: string;
    readonly help: string;
    readonly type: string;
    readonly labelNames?: readonly string[];
  }[];
  return described.map(({ name, help, type, labelNames = [] }) => ({ name, help, type, labels: labelNames }));
}

function telemetryMetrics(): readonly Metric[] {
  const values = new SelfMetrics().values(0, 0);
  return unique(
    values.map(({ name, type, labels }) => ({ name, type, labels: Object.keys(labels), help: helpOf(name) })),
  );
}

function heartbeatMetrics(): readonly Metric[] {
  const vitals = Object.fromEntries(vitalNames.map((name) => [name, 0])) as Record<
    (typeof vitalNames)[number],
    number
  >;
  const series = heartbeatSeries({
    ...{ sentAtMs: 0, ...vitals, kubeletHealthy: false, containerdHealthy: false },
    ring: { produced: 0, acknowledged: 0, pending: 0, lost: 0 },
  });
  const age = ['regnode_node_heartbeat_age_seconds', 'gauge'] as const;
  return [age, ...series].map(([name, type]) => ({ name, type, labels: [], help: helpOf(name) }));
}

function metricsOf({ labelNames, columns }: RecordShape): readonly Metric[] {
  return unique(
    columns.map(({ name, type, labels = {} }) => ({
      ...{ name, type, help: helpOf(name) },
      labels: [...labelNames, ...Object.keys(labels)],
    })),
  );
}

/** Node_exporter's need none. */
function helpOf(name: string): string {
  return name.startsWith('regnode_') ? (metricHelp[name] ?? '') : '';
}

function unique(metrics: readonly Metric[]): readonly Metric[] {
  return [...new Map(metrics.map((metric) => [metric.name, metric])).values()];
}

function metricTable(metrics: readonly Metric[]): string {
  const rows = metrics.map(({ name, type, labels, help }) => [code(name), type, codes(labels), help]);
  return table(['name', 'type', 'labels', 'meaning'], rows);
}
