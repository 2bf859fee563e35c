// What the last look at the private line has shown, as metrics. The measuring is done by the daemon
// once a minute and handed over; here it is only written down, with the time that it is of, until it
// is too old to say anything.
import type { LineMeasurement } from '../../state/line-measurement.ts';
import { type Collector, gauge, type RecordShape } from './collector.ts';

/** Three looks that did not come. */
const lifetimeMs = 180_000;
const hops = ['dns', 'proxy', 'tcp', 'tls', 'http'] as const;

const shape: RecordShape = {
  family: 'line',
  labelNames: [],
  columns: [
    gauge('regnode_node_line_measured_timestamp_seconds'),
    gauge('regnode_node_line_round_trip_seconds', { quantile: '0' }),
    gauge('regnode_node_line_round_trip_seconds', { quantile: '0.5' }),
    gauge('regnode_node_line_round_trip_seconds', { quantile: '0.9' }),
    gauge('regnode_node_line_round_trip_seconds', { quantile: '0.99' }),
    gauge('regnode_node_line_jitter_seconds'),
    gauge('regnode_node_line_loss_ratio'),
    gauge('regnode_node_line_path_mtu_bytes'),
    gauge('regnode_node_line_clock_offset_seconds'),
    gauge('regnode_node_line_clock_uncertainty_seconds'),
    gauge('regnode_node_line_udp_open'),
    ...hops.map((hop) => gauge('regnode_node_line_hop_seconds', { hop })),
  ],
};

/** In the order of the columns; what was not measured is NaN. */
export type LineValues = readonly number[];

export function lineValues(seen: LineMeasurement): LineValues {
  const { roundTrip, lossPercent, pathMtu, clock, udp } = seen;
  const seconds = (milliseconds: number | undefined) => (milliseconds ?? Number.NaN) / 1000;
  return [
    Date.parse(seen.at) / 1000,
    seconds(roundTrip?.minMs),
    seconds(roundTrip?.p50Ms),
    seconds(roundTrip?.p90Ms),
    seconds(roundTrip?.p99Ms),
    seconds(roundTrip?.jitterMs),
    (lossPercent ?? Number.NaN) / 100,
    pathMtu?.bytes ?? Number.NaN,
    seconds(clock?.offsetMs),
    seconds(clock?.uncertaintyMs),
    udp === undefined ? Number.NaN : udp.outward === 'open' ? 1 : 0,
    ...hops.map((hop) => seconds(seen.hops.find((one) => one.hop === hop)?.milliseconds)),
  ];
}

export class LineCollector implements Collector {
  readonly name = 'line';
  readonly shapes = [shape];
  #values: LineValues | undefined;
  #sinceMs: number | undefined;

  measured(values: LineValues): void {
    this.#values = values;
    this.#sinceMs = undefined;
  }

  /** Its age is counted on the monotonic clock, from the first round on that has seen it. */
  collect({ sink, monotonicMs }: Parameters<Collector['collect']>[0]): void {
    if (this.#values === undefined) return;
    this.#sinceMs ??= monotonicMs;
    if (monotonicMs - this.#sinceMs <= lifetimeMs) sink.put(shape, [], this.#values);
  }
}
