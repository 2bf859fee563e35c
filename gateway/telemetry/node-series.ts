// The latest value of every series of one node. A group (family and labels) is kept once, whichever schema number of whichever epoch
// it has today, so a restarted agent takes its series over and no sample appears twice. Groups that got no record for
// three of their intervals are stale and vanish.

import type { RecordCursor } from '../../protocol/telemetry/cursor.ts';
import type { Column, Description, Labels } from '../../protocol/telemetry/description.ts';
import type { RefusalReason } from '../../protocol/telemetry/refusal.ts';
import type { ColumnShapes } from './column-shapes.ts';
import type { TelemetryLimits } from './limits.ts';

export interface SeriesGroup {
  readonly family: string;
  readonly labels: Labels;
  readonly columns: readonly Column[];
  readonly values: Float64Array;
  readonly staleAfterMs: number;
  /** On the gateway's monotonic clock: the last record, before it the description. */
  heardAtMs: number;
  hasRecord: boolean;
  /** Sample names with all labels, made when they are first shown and when the node has moved to another pool. */
  shown?: { readonly pool: string; readonly names: readonly string[] };
}

const staleIntervals = 3;
const staleGraceMs = 5000;

export class NodeSeries {
  readonly #limits: TelemetryLimits;
  readonly #shapes: ColumnShapes;
  readonly #groups = new Map<string, SeriesGroup>();
  /** By epoch, then schema number. */
  readonly #schemas = new Map<number, Map<number, SeriesGroup>>();
  #seriesCount = 0;

  constructor(limits: TelemetryLimits, shapes: ColumnShapes) {
    this.#limits = limits;
    this.#shapes = shapes;
  }

  get seriesCount(): number {
    return this.#seriesCount;
  }

  groups(nowMs: number): readonly SeriesGroup[] {
    this.#dropStale(nowMs);
    return [...this.#groups.values()].filter((group) => group.hasRecord);
  }

  describe(
    epoch: number,
    schema: number,
    description: Description,
    nowMs: number,
  ): RefusalReason | undefined {
    const key = keyOf(description);
    const known = this.#groups.get(key);
    if (description.columns.length === 0) {
      this.#schemas.get(epoch)?.delete(schema);
      if (known !== undefined) this.#remove(key, known);
      return undefined;
    }
    if (known !== undefined && isSame(known, description)) {
      this.#name(epoch, schema, known);
      return undefined;
    }
    const added = description.columns.length - (known?.columns.length ?? 0);
    if (this.#seriesCount + added > this.#limits.series) return 'budget-series';
    if (known === undefined && this.#groups.size >= this.#limits.groups) return 'budget-descriptions';
    const group: SeriesGroup = {
      family: description.family,
      labels: description.labels,
      columns: this.#shapes.shared(description.columns),
      values: new Float64Array(description.columns.length).fill(Number.NaN),
      staleAfterMs: description.intervalMs * staleIntervals + staleGraceMs,
      heardAtMs: nowMs,
      hasRecord: false,
    };
    this.#groups.set(key, group);
    this.#seriesCount += added;
    this.#name(epoch, schema, group);
    return undefined;
  }

  knows(epoch: number, schema: number): boolean {
    return this.#schemas.get(epoch)?.has(schema) ?? false;
  }

  /** Takes the record that the cursor stands on as the latest of its group. */
  store(epoch: number, cursor: RecordCursor, nowMs: number): RefusalReason | undefined {
    const group = this.#schemas.get(epoch)?.get(cursor.schema);
    if (group === undefined) return 'schema-unknown';
    if (group.values.length !== cursor.columnCount) return 'columns-mismatch';
    for (let index = 0; index < group.values.length; index += 1) group.values[index] = cursor.column(index);
    group.heardAtMs = nowMs;
    group.hasRecord = true;
    return undefined;
  }

  #name(epoch: number, schema: number, group: SeriesGroup): void {
    let schemas = this.#schemas.get(epoch);
    if (schemas === undefined) {
      schemas = new Map();
      this.#schemas.set(epoch, schemas);
      this.#forgetOldEpochs();
    }
    if (schemas.size < this.#limits.groups * 2) schemas.set(schema, group);
  }

  #forgetOldEpochs(): void {
    while (this.#schemas.size > this.#limits.epochs) {
      const [oldest] = this.#schemas.keys();
      if (oldest === undefined) return;
      this.#schemas.delete(oldest);
    }
  }

  #dropStale(nowMs: number): void {
    for (const [key, group] of this.#groups) {
      if (nowMs - group.heardAtMs > group.staleAfterMs) this.#remove(key, group);
    }
  }

  #remove(key: string, group: SeriesGroup): void {
    this.#groups.delete(key);
    this.#seriesCount -= group.columns.length;
    for (const schemas of this.#schemas.values()) {
      for (const [schema, named] of schemas) if (named === group) schemas.delete(schema);
    }
  }
}

function keyOf(description: Pick<Description, 'family' | 'labels'>): string {
  const labels = Object.entries(description.labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([description.family, labels]);
}

function isSame(group: SeriesGroup, description: Description): boolean {
  return (
    group.staleAfterMs === description.intervalMs * staleIntervals + staleGraceMs &&
    JSON.stringify(group.columns) === JSON.stringify(description.columns)
  );
}
