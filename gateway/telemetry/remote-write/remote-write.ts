// Remote-write: what the intake takes goes on to a Prometheus-compatible store, with the time at which the
// node measured it. Live values wait in a bounded queue. A node's backlog is only taken while there is room
// for it: until then it stays safe on the node's disk. What a node sends is never sent as another's, and
// can't keep the others' values from being stored.
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { RecordCursor } from '../../../protocol/telemetry/cursor.ts';
import type { Heartbeat } from '../../../protocol/telemetry/heartbeat.ts';
import { columnBytes } from '../../../protocol/telemetry/record.ts';
import type { NodeLabels } from '../exposition.ts';
import { type HeartbeatSeries, heartbeatSeries } from '../heartbeat-series.ts';
import type { SampleGroup, SampleSink } from '../sample-sink.ts';
import { Destination, type DestinationOptions } from './destination.ts';
import { RemoteWriteFigures } from './figures.ts';
import { SampleQueue } from './queue.ts';
import { Sender, type SenderOptions } from './sender.ts';
import { NodePart, NodeSeries, OwnSeries, type Series } from './series.ts';
import { SharedLabels } from './shared-labels.ts';

export interface RemoteWriteOptions {
  readonly destination: DestinationOptions;
  /** Labels of everything that is written, e.g. the cluster's name. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly logger: Pick<Logger, 'info' | 'warn'>;
  readonly queueSamples?: number;
  readonly backlogSamples?: number;
  readonly nowMs?: () => number;
  readonly sending?: Pick<SenderOptions, 'gatherMs' | 'backoffFloorMs' | 'backoffCapMs'>;
}

export interface OwnSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const defaults = { queueSamples: 500_000, backlogSamples: 200_000, nowMs: Date.now };
const futureLimitMs = 5 * 60_000;
/** A node whose samples were refused goes apart for so long. */
const apartMs = 5 * 60_000;
const fullWaitMs = 2000;
const flushMs = 5000;
const rememberedNodes = 20_000;

export class RemoteWrite implements SampleSink {
  readonly figures = new RemoteWriteFigures();
  readonly #options: RemoteWriteOptions & typeof defaults;
  readonly #destination: Destination;
  readonly #live: SampleQueue;
  readonly #backlog: SampleQueue;
  readonly #sender: Sender;
  readonly #groups = new WeakMap<SampleGroup, { pool: string; series: readonly Series[] }>();
  readonly #shared: SharedLabels;
  #nodes = new Map<string, { pool: string; part: NodePart }>();
  readonly #named = new Map<string, { pool: string; series: Map<string, Series> }>();
  readonly #apart = new Map<string, number>();
  readonly #stop = new AbortController();
  readonly #cut = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(options: RemoteWriteOptions) {
    this.#options = { ...defaults, ...options };
    this.#destination = new Destination(options.destination);
    this.#shared = new SharedLabels(options.labels);
    this.#live = new SampleQueue(this.#options.queueSamples);
    this.#backlog = new SampleQueue(this.#options.backlogSamples);
    this.#sender = new Sender({
      live: this.#live,
      backlog: this.#backlog,
      write: (body, signal) => this.#destination.write(body, signal),
      cut: this.#cut.signal,
      figures: this.figures,
      onRefused: (source) => this.#apart.set(source, this.#options.nowMs() + apartMs),
      logger: options.logger,
      ...options.sending,
    });
  }

  /** Throws the fault when a credential can't be read. */
  async start(registry: Registry): Promise<void> {
    await this.#destination.check();
    this.figures.register(registry, () => this.pending);
    this.#running = this.#sender.run(this.#stop.signal);
  }

  /** What waits is tried once more, for five seconds at most. */
  async stop(): Promise<void> {
    this.#stop.abort();
    const patience = setTimeout(() => this.#cut.abort(), flushMs);
    await this.#running;
    await this.#sender.flush(this.#cut.signal);
    clearTimeout(patience);
    this.#destination.close();
  }

  get pending(): number {
    return this.#live.length + this.#backlog.length + this.figures.inFlight;
  }

  live(
    node: NodeLabels,
    group: SampleGroup,
    cursor: RecordCursor,
    timestampMs: number,
    before: Float64Array,
  ): void {
    const series = this.#seriesOf(node, group);
    const queue = this.#queueOf(node.node);
    for (const [index, one] of series.entries()) {
      const value = cursor.column(index);
      // A column without a value is left out; one that had a value until now has ended.
      if (!Number.isNaN(value) || !Number.isNaN(before[index] ?? Number.NaN)) {
        this.#push(queue, one, timestampMs, value);
      }
    }
  }

  replayed(node: NodeLabels, group: SampleGroup, cursor: RecordCursor, timestampMs: number): void {
    for (const [index, one] of this.#seriesOf(node, group).entries()) {
      const value = cursor.column(index);
      if (!Number.isNaN(value)) this.#push(this.#backlog, one, timestampMs, value);
    }
  }

  replayWaitMs(bytes: number): number {
    const room = this.#backlog.capacity - this.#backlog.length;
    return bytes / columnBytes <= room ? 0 : fullWaitMs;
  }

  ended(node: NodeLabels, group: SampleGroup, timestampMs: number): void {
    const queue = this.#queueOf(node.node);
    for (const one of this.#seriesOf(node, group)) this.#push(queue, one, timestampMs, Number.NaN);
  }

  heartbeat(node: NodeLabels, heartbeat: Heartbeat): void {
    this.#heartbeat(node, heartbeatSeries(heartbeat), heartbeat.sentAtMs);
  }

  heartbeatEnded(node: NodeLabels, timestampMs: number): void {
    const known = this.#named.get(node.node);
    if (known === undefined) return;
    this.#named.delete(node.node);
    const queue = this.#queueOf(node.node);
    for (const one of known.series.values()) this.#push(queue, one, timestampMs, Number.NaN);
  }

  /** The gateway's own metrics, as of now. */
  own(gateway: string, samples: readonly OwnSample[]): void {
    const timestampMs = this.#options.nowMs();
    for (const { name, labels, value } of samples) {
      const all = { job: 'regnode-gateway', instance: gateway, ...labels, __name__: name };
      const series = this.#namedSeries(
        `gateway ${gateway}`,
        '',
        JSON.stringify(all),
        () => new OwnSeries(`gateway ${gateway}`, { ...this.#options.labels, ...all }),
      );
      if (!Number.isNaN(value)) this.#push(this.#live, series, timestampMs, value);
    }
  }

  #heartbeat(node: NodeLabels, list: readonly HeartbeatSeries[], timestampMs: number): void {
    const queue = this.#queueOf(node.node);
    for (const [name, , value] of list) {
      const make = () => new NodeSeries(this.#partOf(node), this.#shared.named(name));
      this.#push(queue, this.#namedSeries(node.node, node.pool, name, make), timestampMs, value);
    }
  }

  #push(queue: SampleQueue, series: Series, timestampMs: number, value: number): void {
    this.figures.given += 1;
    const timestamp = Math.floor(timestampMs);
    // One sample of tomorrow, and a store takes nothing of today any more, from nobody.
    if (!(timestamp >= 0 && timestamp <= this.#options.nowMs() + futureLimitMs))
      this.figures.drop('future', 1);
    else if (!queue.push(series, timestamp, value)) this.figures.drop('queue-full', 1);
  }

  /** A node whose samples are refused just now is not sent together with others. */
  #queueOf(source: string): SampleQueue {
    const until = this.#apart.get(source);
    if (until === undefined) return this.#live;
    if (this.#options.nowMs() < until) return this.#backlog;
    this.#apart.delete(source);
    return this.#live;
  }

  #seriesOf(node: NodeLabels, group: SampleGroup): readonly Series[] {
    const known = this.#groups.get(group);
    if (known?.pool === node.pool) return known.series;
    const part = this.#partOf(node);
    const series = this.#shared.of(group).map((shared) => new NodeSeries(part, shared));
    this.#groups.set(group, { pool: node.pool, series });
    return series;
  }

  #partOf(node: NodeLabels): NodePart {
    const known = this.#nodes.get(node.node);
    if (known?.pool === node.pool) return known.part;
    // Nodes that are gone: what is in use keeps what it has.
    if (this.#nodes.size >= rememberedNodes) this.#nodes = new Map();
    const part = new NodePart(node.node, nodeLabels(node));
    this.#nodes.set(node.node, { pool: node.pool, part });
    return part;
  }

  #namedSeries(source: string, pool: string, key: string, make: () => Series): Series {
    let named = this.#named.get(source);
    if (named?.pool !== pool) {
      named = { pool, series: new Map() };
      this.#named.set(source, named);
    }
    let series = named.series.get(key);
    if (series === undefined) {
      series = make();
      named.series.set(key, series);
    }
    return series;
  }
}

/** As a scrape of the node itself would name it. */
function nodeLabels({ node, pool }: NodeLabels): ConstructorParameters<typeof NodePart>[1] {
  return { job: 'regnode', instance: node, node, pool };
}
