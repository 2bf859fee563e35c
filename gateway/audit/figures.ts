// Metrics that are read from their owners at the moment when somebody asks for /metrics: tunnels,
// replicas, registered nodes.
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Refusal } from '../tunnel/counters.ts';
import type { HubFigures } from '../tunnel/hub.ts';
import type { ReplicaFigures } from './replica-figures.ts';

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

export interface FigureSources {
  readonly hub: () => HubFigures;
  readonly registered: () => number;
  readonly replicas: () => ReplicaFigures;
  /** Nodes whose tunnel is open here. */
  readonly connected: () => Iterable<string>;
  /** Of this replica. */
  readonly name: string;
}

export function registerFigures(registry: Registry, sources: FigureSources): void {
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
  for (const [key, [name, help]] of entries(replicaGauges)) gauge(name, help, () => sources.replicas()[key]);
  total(
    'forwarded_streams_total',
    'Streams handed to the replica that holds the tunnel.',
    () => sources.replicas().forwarded,
  );
  new Gauge({
    name: 'regnode_gateway_node_tunnel',
    help: 'Nodes whose tunnel is open, with the replica that holds it: this one.',
    labelNames: ['node', 'gateway'],
    registers: [registry],
    collect() {
      this.reset();
      for (const node of sources.connected()) this.set({ node, gateway: sources.name }, 1);
    },
  });
}

function entries<K extends string, V>(record: Readonly<Record<K, V>>): [K, V][] {
  return Object.entries(record) as [K, V][];
}
