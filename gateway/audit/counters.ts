// The gateway's own metrics that count what happens; what is read when somebody asks is in figures.ts. Nodes'
// metrics come from the telemetry intake; all are one answer at /metrics.
import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client';

export interface Counters {
  readonly registry: Registry;
  readonly joins: Counter<'outcome' | 'code'>;
  readonly requests: Counter<'route' | 'status'>;
  readonly refusedConnections: Counter<'reason'>;
  readonly refusedCertificates: Counter<'code'>;
  readonly refusedReplicas: Counter<'code'>;
  readonly renewals: Counter<'outcome' | 'code'>;
  readonly kubeletCertificates: Counter<'decision' | 'signer'>;
  readonly streams: Counter<'outcome'>;
  readonly refusedStreams: Counter<'code'>;
  readonly drains: Counter<'outcome'>;
  readonly removals: Counter<'kind'>;
  readonly kubernetesErrors: Counter<'kind'>;
  readonly droppedEvents: Counter;
  readonly defects: Counter<'where'>;
  readonly kubeletScrapes: Counter<'outcome'>;
  readonly lineProbes: Counter<'outcome'>;
  readonly joinSeconds: Histogram;
}

export function createCounters(): Counters {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'regnode_gateway_' });
  const counter = <L extends string>(name: string, help: string, labelNames: L[]) =>
    new Counter({ name: `regnode_gateway_${name}`, help, labelNames, registers: [registry] });
  return {
    registry,
    joins: counter('joins_total', 'Joins, by outcome and code of refusal.', ['outcome', 'code']),
    requests: counter('http_requests_total', 'Requests on the public port.', ['route', 'status']),
    refusedConnections: counter('refused_connections_total', 'Connections over a limit.', ['reason']),
    refusedCertificates: counter('refused_certificates_total', 'Client certificates refused.', ['code']),
    refusedReplicas: counter('refused_replica_connections_total', 'Who knocked at the door for replicas.', [
      'code',
    ]),
    renewals: counter('renewals_total', 'Renewals of node certificates, by outcome.', ['outcome', 'code']),
    kubeletCertificates: counter('kubelet_certificates_total', 'Decisions on kubelet CSRs.', [
      'decision',
      'signer',
    ]),
    streams: counter('streams_total', 'Streams through tunnels, by outcome.', ['outcome']),
    refusedStreams: counter('refused_streams_total', 'Streams that were refused, by code.', ['code']),
    drains: counter('drains_total', 'Drains, by outcome.', ['outcome']),
    removals: counter('removals_total', 'Nodes that left, by kind.', ['kind']),
    droppedEvents: counter('dropped_events_total', 'Events that were too many about one object.', []),
    kubernetesErrors: counter('kubernetes_errors_total', 'Failed watches and reconciliations.', ['kind']),
    defects: counter('defects_total', 'Mistakes of this process that ended a session, a request or a turn.', [
      'where',
    ]),
    kubeletScrapes: counter(
      'kubelet_scrapes_total',
      'Scrapes of kubelets through their tunnels, by outcome.',
      ['outcome'],
    ),
    lineProbes: counter('line_probes_total', 'UDP line probes, by what became of them.', ['outcome']),
    joinSeconds: new Histogram({
      name: 'regnode_gateway_join_seconds',
      help: 'Time from a join request to its answer.',
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers: [registry],
    }),
  };
}
