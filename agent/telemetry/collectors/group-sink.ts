// Between the collectors and the ring: gives each series group (a shape with its label values) a schema
// number, writes its description before its first record, and retires it when it has not been written
// for a while (a disk or a pod's link that has gone). Numbers are used in turn, so one is used again
// only after all others were.
import { encodeDescription } from '../../../protocol/telemetry/description.ts';
import { recordClass } from '../../../protocol/telemetry/record.ts';
import type { RingProducer } from '../ring/producer.ts';
import type { RecordShape, Sink } from './collector.ts';

interface Group {
  readonly schema: number;
  readonly shape: RecordShape;
  readonly labelValues: readonly string[];
  lastTick: number;
}

const schemaLimit = 0xffff;
const groupLimit = 8192;
/** A group that was silent for so many ticks is retired. */
const silentTicks = 3;

export class GroupSink implements Sink {
  readonly columns: Float64Array;
  readonly #producer: RingProducer;
  readonly #groups = new Map<RecordShape, Map<string, Group>>();
  readonly #used = new Set<number>();
  #intervalMs: number;
  #tick = 0;
  #deltaMs = 0;
  #lastSchema: number;

  constructor(producer: RingProducer, intervalMs: number, lastSchema = 0) {
    this.#producer = producer;
    this.columns = producer.columns;
    this.#intervalMs = intervalMs;
    this.#lastSchema = lastSchema;
  }

  /** The interval is part of every description: all groups are described again. */
  setInterval(intervalMs: number): void {
    this.#intervalMs = intervalMs;
    for (const groups of this.#groups.values()) {
      for (const group of groups.values()) this.#describe(group, group.shape.columns);
    }
  }

  startTick(deltaMs: number): void {
    this.#tick += 1;
    this.#deltaMs = deltaMs;
  }

  open(shape: RecordShape, ...labelValues: readonly string[]): number {
    const schema = this.#schemaOf(shape, labelValues);
    if (schema === undefined) return -1;
    return this.#producer.begin(recordClass.metric, schema, this.#deltaMs, shape.columns.length);
  }

  put(shape: RecordShape, labelValues: readonly string[], values: ArrayLike<number>): void {
    const first = this.open(shape, ...labelValues);
    if (first < 0) return;
    for (let index = 0; index < shape.columns.length; index += 1) {
      this.columns[first + index] = values[index] ?? Number.NaN;
    }
  }

  /** Publishes the tick, and says of the groups that fell silent that they have gone. */
  endTick(): void {
    for (const groups of this.#groups.values()) {
      for (const [key, group] of groups) {
        if (this.#tick - group.lastTick < silentTicks) continue;
        if (!this.#describe(group, [])) continue;
        groups.delete(key);
        this.#used.delete(group.schema);
      }
    }
    this.#producer.publish();
  }

  #schemaOf(shape: RecordShape, labelValues: readonly string[]): number | undefined {
    let groups = this.#groups.get(shape);
    if (groups === undefined) {
      groups = new Map();
      this.#groups.set(shape, groups);
    }
    const key = labelValues.join('\0');
    const known = groups.get(key);
    if (known !== undefined) {
      known.lastTick = this.#tick;
      return known.schema;
    }
    if (this.#used.size >= groupLimit) return undefined;
    const group = { schema: this.#nextSchema(), shape, labelValues, lastTick: this.#tick };
    if (!this.#describe(group, shape.columns)) return undefined;
    groups.set(key, group);
    this.#used.add(group.schema);
    return group.schema;
  }

  #describe(group: Group, columns: RecordShape['columns']): boolean {
    const labels: Record<string, string> = {};
    for (const [index, name] of group.shape.labelNames.entries())
      labels[name] = group.labelValues[index] ?? '';
    const description = {
      family: group.shape.family,
      intervalMs: this.#intervalMs,
      labels,
      columns: [...columns],
    };
    return this.#producer.write(
      recordClass.schema,
      group.schema,
      this.#deltaMs,
      encodeDescription(description),
    );
  }

  #nextSchema(): number {
    do this.#lastSchema = (this.#lastSchema % schemaLimit) + 1;
    while (this.#used.has(this.#lastSchema));
    return this.#lastSchema;
  }
}
