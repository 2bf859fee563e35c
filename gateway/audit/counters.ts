// The gateway's own metrics. Nodes' metrics come from the telemetry intake; both are one answer at /metrics.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

export interface Counters {
  readonly registry: Registry;
  readonly joins: Counter<'outcome' | 'code'>;
  readonly requests: Counter<'route' | 'status'>;
  readonly refusedConnections: Counter<'reason'>;
  readonly refusedCertificates: Counter<'code'>;
  readonly kubeletCertificates: Counter<'decision' | 'signer'>;
  readonly streams: Counter<'outcome'>;
  readonly drains: Counter<'outcome'>;
  readonly removals: Counter<'kind'>;
  readonly kubernetesErrors: Counter<'kind'>;
  readonly joinSeconds: Histogram;
}

export function createCounters(gauges: { tunnels: () => number; registered: () => number }): Counters {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'regnode_gateway_' });
  const counter = <L extends string>(name: string, help: string, labelNames: L[]) =>
    new Counter({ name: `regnode_gateway_${name}`, help, labelNames, registers: [registry] });
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name: `regnode_gateway_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(value());
      },
    });
  gauge('tunnels', 'Nodes whose tunnel is open here.', gauges.tunnels);
  gauge('registered_nodes', 'Nodes registered in the cluster.', gauges.registered);
  return {
    registry,
    joins: counter('joins_total', 'Joins, by outcome and code of refusal.', ['outcome', 'code']),
    requests: counter('http_requests_total', 'Requests on the public port.', ['route', 'status']),
    refusedConnections: counter('refused_connections_total', 'Connections over a limit.', ['reason']),
    refusedCertificates: counter('refused_certificates_total', 'Client certificates refused.', ['code']),
    kubeletCertificates: counter('kubelet_certificates_total', 'Decisions on kubelet CSRs.', [
      'decision',
      'signer',
    ]),
    streams: counter('streams_total', 'Streams to hosts, by outcome.', ['outcome']),
    drains: counter('drains_total', 'Drains, by outcome.', ['outcome']),
    removals: counter('removals_total', 'Nodes that left, by kind.', ['kind']),
    kubernetesErrors: counter('kubernetes_errors_total', 'Failed watches and reconciliations.', ['kind']),
    joinSeconds: new Histogram({
      name: 'regnode_gateway_join_seconds',
      help: 'Time from a join request to its answer.',
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers: [registry],
    }),
  };
}
