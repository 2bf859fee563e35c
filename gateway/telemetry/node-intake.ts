// What one node sends: its batches and heartbeats, against its budget. It keeps the node's high-water marks
// and latest values, answers what to acknowledge, and hands each value on once. What it refuses is counted,
// and no bytes can make it throw.

import { TokenBucket } from '../../protocol/rate/token-bucket.ts';
import { encodeAcknowledgement, type Verdict } from '../../protocol/telemetry/acknowledgement.ts';
import { type Batch, batchFlag, decodeBatch } from '../../protocol/telemetry/batch.ts';
import { RecordCursor } from '../../protocol/telemetry/cursor.ts';
import { decodeDescription } from '../../protocol/telemetry/description-schema.ts';
import type { Heartbeat } from '../../protocol/telemetry/heartbeat.ts';
import { decodeHeartbeat, heartbeatBytes, isHeartbeat } from '../../protocol/telemetry/heartbeat.ts';
import { recordClass } from '../../protocol/telemetry/record.ts';
import type { ColumnShapes } from './column-shapes.ts';
import type { NodeLabels } from './exposition.ts';
import { type EpochAccount, HighWater } from './high-water.ts';
import type { TelemetryLimits } from './limits.ts';
import { explainedFrom, lossOf } from './loss.ts';
import { NodeSeries } from './node-series.ts';
import { ReplaySchemas } from './replay-schemas.ts';
import type { SampleSink } from './sample-sink.ts';
import type { SelfMetrics } from './self-metrics.ts';

export interface NodeIntakeParts {
  readonly name: string;
  readonly limits: TelemetryLimits;
  readonly shapes: ColumnShapes;
  readonly self: SelfMetrics;
  readonly labels: () => NodeLabels;
  readonly sink: SampleSink | undefined;
  /** Its tunnel is at another replica, which goes on with its series. */
  readonly isElsewhere: () => boolean;
  readonly nowMs: number;
}

/** A heartbeat older than this is not shown any more: the node is stale. */
export const heartbeatStaleMs = 60_000;
const askedLimit = 256;
/** A byte of a description is JSON to be read and checked: the work of so many bytes of records. */
const describedFactor = 8;

export class NodeIntake {
  readonly name: string;
  readonly series: NodeSeries;
  readonly marks: HighWater;
  readonly #parts: NodeIntakeParts;
  readonly #bytes: TokenBucket;
  readonly #heartbeats: TokenBucket;
  readonly #replayed: ReplaySchemas;
  /** Schemas (epoch and number) that were asked for and have not been described since. */
  readonly #asked = new Set<string>();
  /** As of the last batch, or heartbeat that went to a sink. */
  #labels: NodeLabels;
  /** The bytes of the latest, always the same memory: numbers are made of them when somebody asks. */
  #heartbeat: Uint8Array | undefined;
  #heartbeatAtMs = 0;

  constructor(parts: NodeIntakeParts) {
    const { limits, shapes, nowMs } = parts;
    this.name = parts.name;
    this.#parts = parts;
    this.#labels = parts.labels();
    this.marks = new HighWater(limits.epochs);
    this.series = new NodeSeries(limits, shapes, (group, timestampMs) =>
      this.#endSink?.ended(this.#labels, group, timestampMs),
    );
    this.#bytes = new TokenBucket({ burst: limits.burstBytes, perSecond: limits.bytesPerSecond }, nowMs);
    this.#heartbeats = new TokenBucket(limits.heartbeats, nowMs);
    this.#replayed = new ReplaySchemas(limits);
  }

  get heartbeat(): { readonly heartbeat: Heartbeat; readonly atMs: number } | undefined {
    const heartbeat = this.#heartbeat && decodeHeartbeat(this.#heartbeat);
    return heartbeat && { heartbeat, atMs: this.#heartbeatAtMs };
  }

  /** One batch; the answer is the payload of a TELE_ACK, or undefined when there is nothing to say. */
  accept(payload: Uint8Array, now: number): Uint8Array | undefined {
    const { self, sink } = this.#parts;
    this.#labels = this.#parts.labels();
    const batch = decodeBatch(payload);
    if (batch.kind === 'refused') {
      self.refuse(batch.reason);
      return undefined;
    }
    const mark = this.marks.mark(batch.epoch) ?? batch.firstSequence;
    if (!this.#bytes.take(payload.byteLength, now)) {
      const waitMs = this.#bytes.waitMs(payload.byteLength, now);
      self.refuse('budget-bytes');
      return answer(batch.epoch, mark, 'wait', waitMs);
    }
    const isReplay = (batch.flags & batchFlag.replay) !== 0;
    if ((batch.flags & batchFlag.description) !== 0) {
      this.#takeDescriptions(batch, now);
      return undefined;
    }
    const fullMs = isReplay ? (sink?.replayWaitMs(payload.byteLength) ?? 0) : 0;
    if (fullMs > 0) return answer(batch.epoch, mark, 'wait', fullMs);
    return this.#takeRecords(batch, now);
  }

  takeHeartbeat(payload: Uint8Array, now: number): void {
    const { self, sink } = this.#parts;
    if (!isHeartbeat(payload)) {
      self.refuse('heartbeat-malformed');
      return;
    }
    this.#heartbeat ??= new Uint8Array(heartbeatBytes);
    // Of a former release it is shorter, of a later one longer.
    if (payload.length < heartbeatBytes) this.#heartbeat.fill(0);
    this.#heartbeat.set(payload.length > heartbeatBytes ? payload.subarray(0, heartbeatBytes) : payload);
    this.#heartbeatAtMs = now;
    if (sink === undefined) return;
    if (!this.#heartbeats.take(1, now)) {
      self.refuse('budget-heartbeats');
      return;
    }
    this.#labels = this.#parts.labels();
    const heartbeat = decodeHeartbeat(payload);
    if (heartbeat) sink.heartbeat(this.#labels, heartbeat);
  }

  /** What nothing was heard of for too long ends. */
  sweep(now: number): void {
    this.series.dropStale(now);
    if (now - this.#heartbeatAtMs <= heartbeatStaleMs) return;
    const last = this.heartbeat;
    if (last !== undefined) {
      this.#endSink?.heartbeatEnded(this.#labels, last.heartbeat.sentAtMs + heartbeatStaleMs);
    }
  }

  /** The node is gone for good. */
  end(): void {
    this.series.end();
    const last = this.heartbeat;
    if (last !== undefined) this.#endSink?.heartbeatEnded(this.#labels, last.heartbeat.sentAtMs + 1);
  }

  get #endSink(): SampleSink | undefined {
    return this.#parts.isElsewhere() ? undefined : this.#parts.sink;
  }

  #takeDescriptions(batch: Batch, now: number): void {
    const cursor = new RecordCursor(batch.records);
    while (cursor.next()) if (cursor.recordClass === recordClass.schema) this.#describe(batch, cursor, now);
  }

  #takeRecords(batch: Batch, now: number): Uint8Array {
    const { self } = this.#parts;
    const placement = this.marks.place(batch, explainedFrom(batch));
    const mark = this.marks.mark(batch.epoch) ?? batch.firstSequence;
    if (placement === 'seen') {
      self.duplicates += batch.count;
      return answer(batch.epoch, mark, 'accepted');
    }
    if (placement === 'gap') {
      self.gaps += 1;
      return answer(batch.epoch, mark, 'gap');
    }
    if (this.#lacksSchema(batch)) return answer(batch.epoch, mark, 'describe');
    this.#walk(batch, now);
    return answer(batch.epoch, batch.nextSequence, 'accepted');
  }

  /**
   * Every record that is beyond the mark, once. A hole in the sequence must be the range of the
   * LOSS record right behind it.
   */
  #walk(batch: Batch, now: number): void {
    const { self } = this.#parts;
    const account = this.marks.account(batch.epoch, explainedFrom(batch));
    const cursor = new RecordCursor(batch.records);
    const isLive = (batch.flags & batchFlag.replay) === 0;
    let sequence = batch.firstSequence;
    while (cursor.next()) {
      sequence += (cursor.sequence - sequence) >>> 0;
      if (sequence < account.next) {
        self.duplicates += 1;
        continue;
      }
      // Only what comes before the first record may be somebody else's.
      const isElsewhere = (batch.flags & batchFlag.resumed) !== 0 && sequence === batch.firstSequence;
      this.#count(account, cursor, sequence, isElsewhere);
      account.next = sequence + 1;
      if (cursor.recordClass === recordClass.schema) this.#describe(batch, cursor, now);
      if (cursor.recordClass !== recordClass.metric) continue;
      if (isLive) this.#store(batch, cursor, now);
      else this.#replay(batch, cursor);
    }
  }

  #store(batch: Batch, cursor: RecordCursor, now: number): void {
    const { self, sink } = this.#parts;
    const group = this.series.groupOf(batch.epoch, cursor);
    if (typeof group === 'string') {
      self.refuse(group);
      return;
    }
    const timestampMs = batch.timeBaseMs + cursor.deltaMs;
    if (sink !== undefined) sink.live(this.#labels, group, cursor, timestampMs, group.values);
    this.series.store(group, cursor, now, timestampMs);
    self.samples += cursor.columnCount;
  }

  #replay(batch: Batch, cursor: RecordCursor): void {
    const { self, sink } = this.#parts;
    if (sink === undefined) return;
    const group = this.#replayed.group(batch.epoch, cursor.schema);
    if (group === undefined) self.refuse('schema-unknown');
    else if (group.columns.length !== cursor.columnCount) self.refuse('columns-mismatch');
    else {
      sink.replayed(this.#labels, group, cursor, batch.timeBaseMs + cursor.deltaMs);
      self.samples += cursor.columnCount;
    }
  }

  #describe(batch: Batch, cursor: RecordCursor, now: number): void {
    const { self, sink } = this.#parts;
    const isLive = (batch.flags & batchFlag.replay) === 0;
    if (!isLive && sink === undefined) return;
    const payload = cursor.payload();
    this.#bytes.spend(payload.byteLength * (describedFactor - 1), now);
    const description = decodeDescription(payload);
    if (typeof description === 'string') {
      self.refuse(description);
      return;
    }
    if (!isLive) {
      this.#replayed.describe(batch.epoch, cursor.schema, description);
      return;
    }
    const timestampMs = batch.timeBaseMs + cursor.deltaMs;
    const refusal = this.series.describe(batch.epoch, cursor.schema, description, now, timestampMs);
    if (refusal !== undefined) self.refuse(refusal);
    else this.#asked.delete(`${batch.epoch} ${cursor.schema}`);
  }

  #count(account: EpochAccount, cursor: RecordCursor, sequence: number, isElsewhere: boolean): void {
    const { self } = this.#parts;
    const loss = cursor.recordClass === recordClass.loss ? lossOf(cursor) : undefined;
    const isRecord = loss?.isInPlace !== true;
    const hole = sequence - account.next + (isRecord ? 0 : 1);
    const lost = Math.min(hole, loss?.count ?? 0);
    if (isRecord) {
      account.taken += 1;
      self.records += 1;
    }
    if (loss !== undefined && lost > 0) {
      account.lost.set(loss.reason, (account.lost.get(loss.reason) ?? 0) + lost);
      self.lose(loss.reason, lost);
    }
    if (isElsewhere) account.elsewhere += hole - lost;
    else {
      account.unexplained += hole - lost;
      self.unexplained += hole - lost;
    }
  }

  /**
   * True once for each schema that is not known: the agent is asked to describe, and is
   * not asked again for the same.
   */
  #lacksSchema(batch: Batch): boolean {
    if ((batch.flags & batchFlag.replay) !== 0) return false;
    const cursor = new RecordCursor(batch.records);
    const described = new Set<number>();
    let lacks = false;
    while (cursor.next()) {
      if (cursor.recordClass === recordClass.schema) described.add(cursor.schema);
      if (cursor.recordClass !== recordClass.metric || described.has(cursor.schema)) continue;
      if (this.series.knows(batch.epoch, cursor.schema)) continue;
      const key = `${batch.epoch} ${cursor.schema}`;
      if (this.#asked.has(key) || this.#asked.size >= askedLimit) continue;
      this.#asked.add(key);
      lacks = true;
    }
    return lacks;
  }
}

function answer(epoch: number, nextSequence: number, verdict: Verdict, waitMs = 0): Uint8Array {
  return encodeAcknowledgement({ epoch, nextSequence, verdict, waitMs });
}
