// The gateway's own metrics. Nodes' metrics come from the telemetry intake; both are one answer at /metrics.

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Refusal } from '../tunnel/counters.ts';
import type { HubFigures } from '../tunnel/hub.ts';
import type { ReplicaFigures } from './replica-figures.ts';

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
  readonly joinSeconds: Histogram;
}

/** What the tunnels' own figures are called here: gauges, and what only grows. */
const hubGauges = {
  connected: ['tunnels', 'Nodes whose tunnel is open here.'],
  streams: ['tunnel_streams', 'Streams open through tunnels.'],
  unacknowledgedBytes: ['tunnel_unacknowledged_bytes', 'Bytes kept for a resumption.'],
} as const satisfies Partial<Record<keyof HubFigures, readonly [string, string]>>;

const hubTotals = {
  sessionsBegun: ['tunnel_sessions_total', 'Tunnel sessions begun.'],
  resumptions: ['tunnel_resumptions_total', 'Sessions that went on over a new connection.'],
  takeovers: ['tunnel_takeovers_total', 'Sessions replaced by another process of the same node.'],
  staleConnections: ['tunnel_stale_connections_total', 'Connections older than the one at hand.'],
  unknownMessages: ['tunnel_unknown_messages_total', 'Messages of a kind that only a later release knows.'],
} as const satisfies Partial<Record<keyof HubFigures, readonly [string, string]>>;

/** By kind; protocol/tunnel/README.md has the list. */
const hubRefusals = {
  handshakesFailed: ['tunnel_handshakes_failed_total', 'Tunnel handshakes that failed, by what was wrong.'],
  upgradesRefused: ['tunnel_upgrades_refused_total', 'Upgrades to a tunnel that were refused, by reason.'],
  violations: ['tunnel_violations_total', 'What nodes did against the protocol, by kind.'],
} as const satisfies Record<Refusal, readonly [string, string]>;

const replicaGauges = {
  live: ['replicas', 'Replicas of the gateway that are alive, this one included.'],
  leading: ['replica_leading', '1: this replica does what belongs to no other one.'],
  forwardedStreams: ['forwarded_streams', 'Streams that go through another replica now.'],
  carriedStreams: ['carried_streams', 'Streams that other replicas have open through this one now.'],
} as const satisfies Partial<Record<keyof ReplicaFigures, readonly [string, string]>>;

const noReplicas: ReplicaFigures = {
  live: 1,
  leading: 1,
  forwarded: 0,
  forwardedStreams: 0,
  carriedStreams: 0,
};

export function createCounters(sources: {
  hub: () => HubFigures;
  registered: () => number;
  replicas?: () => ReplicaFigures | undefined;
  /** Nodes whose tunnel is open here. */
  connected?: () => Iterable<string>;
  /** Of this replica. */
  name?: string;
}): Counters {
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
  const total = (name: string, help: string, value: () => number) =>
    new Counter({
      name: `regnode_gateway_${name}`,
      help,
      registers: [registry],
      collect() {
        this.reset();
        this.inc(value());
      },
    });
  gauge('registered_nodes', 'Nodes registered in the cluster.', sources.registered);
  for (const [key, [name, help]] of entries(hubGauges)) gauge(name, help, () => sources.hub()[key]);
  for (const [key, [name, help]] of entries(hubTotals)) total(name, help, () => sources.hub()[key]);
  for (const [key, [name, help]] of entries(hubRefusals)) {
    new Counter({
      name: `regnode_gateway_${name}`,
      help,
      labelNames: ['kind'],
      registers: [registry],
      collect() {
        this.reset();
        for (const [kind, count] of sources.hub().kinds[key]) this.inc({ kind }, count);
      },
    });
  }
  const replicas = () => sources.replicas?.() ?? noReplicas;
  for (const [key, [name, help]] of entries(replicaGauges)) gauge(name, help, () => replicas()[key]);
  total(
    'forwarded_streams_total',
    'Streams handed to the replica that holds the tunnel.',
    () => replicas().forwarded,
  );
  new Gauge({
    name: 'regnode_gateway_node_tunnel',
    help: 'Nodes whose tunnel is open, with the replica that holds it: this one.',
    labelNames: ['node', 'gateway'],
    registers: [registry],
    collect() {
      this.reset();
      for (const node of sources.connected?.() ?? []) this.set({ node, gateway: sources.name ?? '' }, 1);
    },
  });
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
    joinSeconds: new Histogram({
      name: 'regnode_gateway_join_seconds',
      help: 'Time from a join request to its answer.',
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers: [registry],
    }),
  };
}

function entries<K extends string, V>(record: Readonly<Record<K, V>>): [K, V][] {
  return Object.entries(record) as [K, V][];
}
