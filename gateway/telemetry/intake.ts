// Takes what the nodes' tunnels bring: batches and heartbeats, as opaque bytes, each from a node whose name the session's
// certificate has proven. It keeps the latest values and the high-water marks, answers what to acknowledge, and shows it all to
// Prometheus. A node can cost no more than its budget; what is refused is counted, and nothing that it sends can throw.
import type { Heartbeat } from '../../protocol/control.ts';
import { encodeAcknowledgement, type Verdict } from '../../protocol/telemetry/acknowledgement.ts';
import { type Batch, batchFlag, decodeBatch } from '../../protocol/telemetry/batch.ts';
import { RecordCursor } from '../../protocol/telemetry/cursor.ts';
import { decodeDescription } from '../../protocol/telemetry/description-schema.ts';
import { decodeHeartbeat } from '../../protocol/telemetry/heartbeat.ts';
import { lossColumn, lossReason, recordClass } from '../../protocol/telemetry/record.ts';
import { ColumnShapes } from './column-shapes.ts';
import { Exposition } from './exposition.ts';
import { HighWater } from './high-water.ts';
import { defaultTelemetryLimits, type TelemetryLimits, TokenBucket } from './limits.ts';
import { NodeSeries } from './node-series.ts';
import { SelfMetrics } from './self-metrics.ts';

export interface LatestSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface LatestTelemetry {
  readonly heartbeat: Heartbeat | null;
  /** Since it arrived. */
  readonly heartbeatAgeMs: number | null;
  /** How many series are live. */
  readonly series: number;
  /** How far each epoch has come. */
  readonly epochs: readonly { readonly epoch: number; readonly nextSequence: number }[];
}

export interface IntakeOptions {
  /** The pool of a registered node, for the label. */
  readonly poolOf: (nodeName: string) => string | undefined;
  readonly limits?: TelemetryLimits;
  readonly monotonicMs?: () => number;
}

interface NodeState {
  readonly name: string;
  readonly series: NodeSeries;
  readonly marks: HighWater;
  readonly bytes: TokenBucket;
  /** Schemas (epoch and number) that were asked for and have not been described since. */
  readonly asked: Set<string>;
  heartbeat: { readonly heartbeat: Heartbeat; readonly atMs: number } | undefined;
}

/** A heartbeat older than this is not shown any more: the node is stale. */
const heartbeatStaleMs = 60_000;
const askedLimit = 256;

export class TelemetryIntake {
  readonly self = new SelfMetrics();
  readonly #nodes = new Map<string, NodeState>();
  readonly #shapes = new ColumnShapes();
  readonly #limits: TelemetryLimits;
  readonly #monotonicMs: () => number;
  readonly #poolOf: (nodeName: string) => string | undefined;

  constructor(options: IntakeOptions) {
    this.#poolOf = options.poolOf;
    this.#limits = options.limits ?? defaultTelemetryLimits;
    this.#monotonicMs = options.monotonicMs ?? (() => performance.now());
  }

  /** One batch; the answer is the payload of a TELE_ACK, or undefined when there is nothing to say. */
  accept(nodeName: string, payload: Uint8Array): Uint8Array | undefined {
    this.self.batches += 1;
    this.self.batchBytes += payload.byteLength;
    const now = this.#monotonicMs();
    const node = this.#node(nodeName, now);
    const batch = decodeBatch(payload);
    if (batch.kind === 'refused') {
      this.self.refuse(batch.reason);
      return undefined;
    }
    const waitMs = node.bytes.take(payload.byteLength, now);
    if (waitMs > 0) {
      this.self.refuse('budget-bytes');
      return answer(batch.epoch, node.marks.mark(batch.epoch) ?? batch.firstSequence, 'wait', waitMs);
    }
    if ((batch.flags & batchFlag.description) !== 0) {
      if ((batch.flags & batchFlag.replay) === 0) this.#takeDescriptions(node, batch, now);
      return undefined;
    }
    return this.#takeRecords(node, batch, now);
  }

  heartbeat(nodeName: string, payload: Uint8Array): void {
    this.self.heartbeats += 1;
    const heartbeat = decodeHeartbeat(payload);
    if (heartbeat === undefined) {
      this.self.refuse('heartbeat-malformed');
      return;
    }
    const now = this.#monotonicMs();
    this.#node(nodeName, now).heartbeat = { heartbeat, atMs: now };
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
      epochs: node.marks.entries().map(([epoch, nextSequence]) => ({ epoch, nextSequence })),
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

  /** All nodes' live values and the intake's own metrics; with a name, that node's values alone. */
  renderMetrics(nodeName?: string): string {
    const now = this.#monotonicMs();
    const exposition = new Exposition();
    let series = 0;
    for (const node of this.#nodes.values()) {
      series += node.series.seriesCount;
      if (nodeName !== undefined && node.name !== nodeName) continue;
      const labels = { node: node.name, pool: this.#poolOf(node.name) ?? '' };
      for (const group of node.series.groups(now)) exposition.addGroup(labels, group);
      const last = node.heartbeat;
      if (last !== undefined && now - last.atMs <= heartbeatStaleMs) {
        exposition.addHeartbeat(labels, last.heartbeat, (now - last.atMs) / 1000);
      }
    }
    const own = nodeName === undefined ? this.self.render(this.#nodes.size, series) : [];
    return `${[...exposition.render(), ...own].join('\n')}\n`;
  }

  /** The node is gone for good: nothing of it stays. */
  forget(nodeName: string): void {
    this.#nodes.delete(nodeName);
  }

  #node(name: string, now: number): NodeState {
    const known = this.#nodes.get(name);
    if (known !== undefined) return known;
    const node: NodeState = {
      name,
      series: new NodeSeries(this.#limits, this.#shapes),
      marks: new HighWater(this.#limits.epochs),
      bytes: new TokenBucket(this.#limits.bytesPerSecond, this.#limits.burstBytes, now),
      asked: new Set(),
      heartbeat: undefined,
    };
    this.#nodes.set(name, node);
    return node;
  }

  #takeDescriptions(node: NodeState, batch: Batch, now: number): void {
    const cursor = new RecordCursor(batch.records);
    while (cursor.next())
      if (cursor.recordClass === recordClass.schema) this.#describe(node, batch, cursor, now);
  }

  #takeRecords(node: NodeState, batch: Batch, now: number): Uint8Array {
    const placement = node.marks.place(batch, explainedFrom(batch));
    const mark = node.marks.mark(batch.epoch) ?? batch.firstSequence;
    if (placement === 'seen') {
      this.self.duplicates += batch.count;
      return answer(batch.epoch, mark, 'accepted');
    }
    if (placement === 'gap') {
      this.self.gaps += 1;
      return answer(batch.epoch, mark, 'gap');
    }
    if (this.#lacksSchema(node, batch)) return answer(batch.epoch, mark, 'describe');
    this.#walk(node, batch, placement === 'overlap' ? mark : batch.firstSequence, now);
    node.marks.raise(batch.epoch, batch.nextSequence);
    return answer(batch.epoch, batch.nextSequence, 'accepted');
  }

  /** Every record from `from` on, once. A hole in the sequence must be the range of the LOSS record right behind it. */
  #walk(node: NodeState, batch: Batch, from: number, now: number): void {
    const cursor = new RecordCursor(batch.records);
    const isLive = (batch.flags & batchFlag.replay) === 0;
    let expected = batch.firstSequence;
    while (cursor.next()) {
      const hole = (cursor.sequence - expected) >>> 0;
      expected += hole + 1;
      if (expected <= from) {
        this.self.duplicates += 1;
        continue;
      }
      this.self.records += 1;
      if (cursor.recordClass === recordClass.loss) this.#countLoss(cursor, hole);
      else if (hole > 0) this.self.unexplained += hole;
      if (cursor.recordClass === recordClass.schema && isLive) this.#describe(node, batch, cursor, now);
      if (cursor.recordClass === recordClass.metric && isLive) this.#store(node, batch, cursor, now);
    }
  }

  #store(node: NodeState, batch: Batch, cursor: RecordCursor, now: number): void {
    const refusal = node.series.store(batch.epoch, cursor, now);
    if (refusal !== undefined) this.self.refuse(refusal);
    else this.self.samples += cursor.columnCount;
  }

  #describe(node: NodeState, batch: Batch, cursor: RecordCursor, now: number): void {
    const description = decodeDescription(cursor.payload());
    const refusal =
      typeof description === 'string'
        ? description
        : node.series.describe(batch.epoch, cursor.schema, description, now);
    if (refusal !== undefined) this.self.refuse(refusal);
    else node.asked.delete(`${batch.epoch} ${cursor.schema}`);
  }

  #countLoss(cursor: RecordCursor, hole: number): void {
    const count = cursor.columnCount > lossColumn.count ? cursor.column(lossColumn.count) : 0;
    this.self.reportedLost += Number.isFinite(count) && count > 0 ? count : 0;
    // One that the spool made stands in the place of the last record that it reports, so it is none by itself.
    const reason = cursor.columnCount > lossColumn.reason ? cursor.column(lossColumn.reason) : 0;
    const isSpools = (reason & (lossReason.spoolCap | lossReason.spoolDamaged)) !== 0;
    if (isSpools) this.self.records -= 1;
    else if (hole > 0 && hole !== count) this.self.unexplained += hole;
  }

  /** True once for each schema that is not known: the agent is asked to describe, and is not asked again for the same. */
  #lacksSchema(node: NodeState, batch: Batch): boolean {
    if ((batch.flags & batchFlag.replay) !== 0) return false;
    const cursor = new RecordCursor(batch.records);
    const described = new Set<number>();
    let lacks = false;
    while (cursor.next()) {
      if (cursor.recordClass === recordClass.schema) described.add(cursor.schema);
      if (cursor.recordClass !== recordClass.metric || described.has(cursor.schema)) continue;
      if (node.series.knows(batch.epoch, cursor.schema)) continue;
      const key = `${batch.epoch} ${cursor.schema}`;
      if (node.asked.has(key) || node.asked.size >= askedLimit) continue;
      node.asked.add(key);
      lacks = true;
    }
    return lacks;
  }
}

/** Where the range begins that the batch's first record reports as lost; else that record itself. */
function explainedFrom(batch: Batch): number {
  const cursor = new RecordCursor(batch.records);
  const isLoss = cursor.next() && cursor.recordClass === recordClass.loss;
  const count = isLoss && cursor.columnCount > lossColumn.count ? cursor.column(lossColumn.count) : 0;
  return batch.firstSequence - Math.max(0, count || 0);
}

function answer(epoch: number, nextSequence: number, verdict: Verdict, waitMs = 0): Uint8Array {
  return encodeAcknowledgement({ epoch, nextSequence, verdict, waitMs });
}
