// Takes what the nodes' tunnels bring: batches and heartbeats, as opaque bytes, each from a node whose name
// the session's certificate has proven. It keeps the latest values and the high-water marks, answers what to
// acknowledge, and shows it all to Prometheus. A node can cost no more than its budget; what is refused is
// counted, and nothing that it sends can throw.
import type { Heartbeat } from '../../protocol/telemetry/heartbeat.ts';
import type { RefusalReason } from '../../protocol/telemetry/refusal.ts';
import { ColumnShapes } from './column-shapes.ts';
import { Exposition, type NodeLabels } from './exposition.ts';
import type { EpochAccount } from './high-water.ts';
import { defaultTelemetryLimits, type TelemetryLimits } from './limits.ts';
import { heartbeatStaleMs, NodeIntake } from './node-intake.ts';
import type { SampleSink } from './sample-sink.ts';
import { type OwnMetric, SelfMetrics } from './self-metrics.ts';

export interface LatestSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface LatestEpoch extends Omit<EpochAccount, 'lost'> {
  readonly epoch: number;
  readonly lost: Readonly<Record<string, number>>;
}

export interface LatestTelemetry {
  readonly heartbeat: Heartbeat | null;
  /** Since it arrived. */
  readonly heartbeatAgeMs: number | null;
  /** How many series are live. */
  readonly series: number;
  /** What became of each epoch's records. */
  readonly epochs: readonly LatestEpoch[];
}

export interface IntakeOptions {
  /** The pool of a registered node, for the label. */
  readonly poolOf: (nodeName: string) => string | undefined;
  /** Gets every value, with its time. */
  readonly sink?: SampleSink | undefined;
  /** Whether the node's tunnel is at another replica now. */
  readonly isElsewhere?: (nodeName: string) => boolean;
  /** Why something of the node was not taken; of several reasons within one batch the last. */
  readonly onRefusal?: (nodeName: string, reason: RefusalReason) => void;
  readonly limits?: TelemetryLimits;
  readonly monotonicMs?: () => number;
}

export class TelemetryIntake {
  readonly self = new SelfMetrics();
  readonly #nodes = new Map<string, NodeIntake>();
  readonly #shapes = new ColumnShapes();
  readonly #limits: TelemetryLimits;
  readonly #monotonicMs: () => number;
  readonly #options: IntakeOptions;

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#limits = options.limits ?? defaultTelemetryLimits;
    this.#monotonicMs = options.monotonicMs ?? (() => performance.now());
  }

  /** One batch; the answer is the payload of a TELE_ACK, or undefined when there is nothing to say. */
  accept(nodeName: string, payload: Uint8Array): Uint8Array | undefined {
    this.self.batches += 1;
    this.self.batchBytes += payload.byteLength;
    const now = this.#monotonicMs();
    const { refused } = this.self;
    const answer = this.#node(nodeName, now).accept(payload, now);
    if (this.self.refused !== refused) this.#tellRefusal(nodeName);
    return answer;
  }

  heartbeat(nodeName: string, payload: Uint8Array): void {
    this.self.heartbeats += 1;
    const now = this.#monotonicMs();
    const { refused } = this.self;
    this.#node(nodeName, now).takeHeartbeat(payload, now);
    if (this.self.refused !== refused) this.#tellRefusal(nodeName);
  }

  /**
   * To be called now and then: what nothing was heard of for too long ends, whether somebody looks or not.
   */
  sweep(): void {
    const now = this.#monotonicMs();
    for (const node of this.#nodes.values()) node.sweep(now);
  }

  latest(nodeName: string): LatestTelemetry | undefined {
    const node = this.#nodes.get(nodeName);
    if (node === undefined) return undefined;
    const now = this.#monotonicMs();
    const last = node.heartbeat;
    return {
      heartbeat: last?.heartbeat ?? null,
      heartbeatAgeMs: last === undefined ? null : Math.round(now - last.atMs),
      series: node.series.groups(now).reduce((sum, group) => sum + group.columns.length, 0),
      epochs: node.marks.entries().map(([epoch, { lost, ...account }]) => ({
        epoch,
        ...account,
        lost: Object.fromEntries(lost),
      })),
    };
  }

  /** The live values of one node. */
  samples(nodeName: string): readonly LatestSample[] {
    const groups = this.#nodes.get(nodeName)?.series.groups(this.#monotonicMs()) ?? [];
    const all = groups.flatMap((group) =>
      group.columns.map(({ name, labels }, index) => ({
        name,
        labels: { ...group.labels, ...labels },
        value: group.values[index] ?? Number.NaN,
      })),
    );
    return all.filter(({ value }) => !Number.isNaN(value));
  }

  /**
   * All nodes' live values and the intake's own metrics. A node that another replica
   * shows is not shown here as well.
   */
  renderMetrics(): string {
    const exposition = new Exposition();
    for (const node of this.#nodes.values()) {
      if (!this.#options.isElsewhere?.(node.name)) this.#show(node, exposition);
    }
    for (const metric of this.ownMetrics()) exposition.addOwn(metric);
    return textOf(exposition);
  }

  /** One node's live values, without the labels `node` and `pool`; empty when there are none. */
  renderNode(nodeName: string): string {
    const exposition = new Exposition();
    const node = this.#nodes.get(nodeName);
    if (node) this.#show(node, exposition, true);
    return textOf(exposition);
  }

  renderOwn(): string {
    const exposition = new Exposition();
    for (const metric of this.ownMetrics()) exposition.addOwn(metric);
    return textOf(exposition);
  }

  #show(node: NodeIntake, exposition: Exposition, alone = false): void {
    const now = this.#monotonicMs();
    const labels = this.#labels(node.name);
    for (const group of node.series.groups(now)) exposition.addGroup(labels, group, alone);
    const last = node.heartbeat;
    if (last !== undefined && now - last.atMs <= heartbeatStaleMs) {
      exposition.addHeartbeat(alone ? undefined : labels, last.heartbeat, (now - last.atMs) / 1000);
    }
  }

  ownMetrics(): readonly OwnMetric[] {
    const series = [...this.#nodes.values()].reduce((sum, node) => sum + node.series.seriesCount, 0);
    return this.self.values(this.#nodes.size, series);
  }

  /** The node is gone for good: nothing of it stays. */
  forget(nodeName: string): void {
    this.#nodes.get(nodeName)?.end();
    this.#nodes.delete(nodeName);
  }

  #tellRefusal(nodeName: string): void {
    const { lastRefusal } = this.self;
    if (lastRefusal !== undefined) this.#options.onRefusal?.(nodeName, lastRefusal);
  }

  #node(name: string, now: number): NodeIntake {
    const known = this.#nodes.get(name);
    if (known !== undefined) return known;
    const node = new NodeIntake({
      name,
      limits: this.#limits,
      shapes: this.#shapes,
      self: this.self,
      labels: () => this.#labels(name),
      sink: this.#options.sink,
      isElsewhere: () => this.#options.isElsewhere?.(name) ?? false,
      nowMs: now,
    });
    this.#nodes.set(name, node);
    return node;
  }

  #labels(name: string): NodeLabels {
    return { node: name, pool: this.#options.poolOf(name) ?? '' };
  }
}

function textOf(exposition: Exposition): string {
  const lines = exposition.render();
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}
