// The latest value of every series of one node. A group (family and labels) is kept once, whatever number its
// schema has in the present epoch. So a restarted agent goes on with its series and no sample appears twice.
// A group that had no record for three intervals is stale and is removed.

import type { RecordCursor } from '../../protocol/telemetry/cursor.ts';
import {
  type Column,
  type Description,
  type Labels,
  shownCharacters,
} from '../../protocol/telemetry/description.ts';
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
  /** Of the last record, by the node's own clock. */
  timestampMs: number;
  /** Of names and labels, as a page shows them. */
  readonly characters: number;
  /** Its places in `#schemas`: epoch and schema, one pair behind the other; few, since each epoch has one. */
  readonly numbers: number[];
  /**
   * Sample names with all labels, made when they are first shown and when the node has moved to another pool.
   */
  shown?: { readonly pool: string; readonly names: readonly string[] };
}

const staleIntervals = 3;
const staleGraceMs = 5000;
/** Of one group, in pairs: more than there are epochs. */
const mostNumbers = 2 * 64;

/** Hears of series that get no more values, and since when (by the node's clock). */
export type SeriesEnded = (group: Pick<SeriesGroup, 'labels' | 'columns'>, timestampMs: number) => void;

export class NodeSeries {
  readonly #limits: TelemetryLimits;
  readonly #shapes: ColumnShapes;
  readonly #groups = new Map<string, SeriesGroup>();
  /** By epoch, then schema number. */
  readonly #schemas = new Map<number, Map<number, SeriesGroup>>();
  readonly #onEnded: SeriesEnded;
  #seriesCount = 0;
  #characters = 0;

  constructor(limits: TelemetryLimits, shapes: ColumnShapes, onEnded: SeriesEnded = () => undefined) {
    this.#limits = limits;
    this.#shapes = shapes;
    this.#onEnded = onEnded;
  }

  get seriesCount(): number {
    return this.#seriesCount;
  }

  groups(nowMs: number): readonly SeriesGroup[] {
    this.dropStale(nowMs);
    return [...this.#groups.values()].filter((group) => group.hasRecord);
  }

  describe(
    epoch: number,
    schema: number,
    description: Description,
    nowMs: number,
    timestampMs = 0,
  ): RefusalReason | undefined {
    const key = keyOf(description);
    const known = this.#groups.get(key);
    if (description.columns.length === 0) {
      this.#forgetNumber(epoch, schema);
      if (known !== undefined) this.#remove(key, known, timestampMs);
      return undefined;
    }
    if (known !== undefined && isSame(known, description)) {
      this.#name(epoch, schema, known);
      return undefined;
    }
    const added = description.columns.length - (known?.columns.length ?? 0);
    if (this.#seriesCount + added > this.#limits.series) return 'budget-series';
    const characters = shownCharacters(description);
    if (this.#characters + characters - (known?.characters ?? 0) > this.#limits.labelCharacters)
      return 'budget-labels';
    if (known === undefined && this.#groups.size >= this.#limits.groups) return 'budget-descriptions';
    const group: SeriesGroup = {
      family: description.family,
      labels: description.labels,
      columns: this.#shapes.shared(description.columns),
      values: new Float64Array(description.columns.length).fill(Number.NaN),
      staleAfterMs: description.intervalMs * staleIntervals + staleGraceMs,
      heardAtMs: nowMs,
      hasRecord: false,
      timestampMs: known?.timestampMs ?? 0,
      characters,
      numbers: [],
    };
    if (known !== undefined) {
      this.#endVanished(known, group, timestampMs);
      this.#forgetNumbersOf(known);
    }
    this.#groups.set(key, group);
    this.#seriesCount += added;
    this.#characters += characters - (known?.characters ?? 0);
    this.#name(epoch, schema, group);
    return undefined;
  }

  knows(epoch: number, schema: number): boolean {
    return this.#schemas.get(epoch)?.has(schema) ?? false;
  }

  /** The group that the record belongs to which the cursor stands on. */
  groupOf(epoch: number, cursor: RecordCursor): SeriesGroup | RefusalReason {
    const group = this.#schemas.get(epoch)?.get(cursor.schema);
    if (group === undefined) return 'schema-unknown';
    return group.values.length === cursor.columnCount ? group : 'columns-mismatch';
  }

  /** Takes that record as the latest of its group. */
  store(group: SeriesGroup, cursor: RecordCursor, nowMs: number, timestampMs: number): void {
    for (let index = 0; index < group.values.length; index += 1) group.values[index] = cursor.column(index);
    group.heardAtMs = nowMs;
    group.hasRecord = true;
    group.timestampMs = timestampMs;
  }

  /** Groups that nothing was heard of for too long go. */
  dropStale(nowMs: number): void {
    for (const [key, group] of this.#groups) {
      if (nowMs - group.heardAtMs > group.staleAfterMs) {
        this.#remove(key, group, group.timestampMs + group.staleAfterMs);
      }
    }
  }

  /** All of them have ended: the node is gone. */
  end(): void {
    for (const [key, group] of this.#groups) this.#remove(key, group, 0);
  }

  #name(epoch: number, schema: number, group: SeriesGroup): void {
    let schemas = this.#schemas.get(epoch);
    if (schemas === undefined) {
      schemas = new Map();
      this.#schemas.set(epoch, schemas);
      this.#forgetOldEpochs();
    }
    this.#forgetNumber(epoch, schema);
    if (schemas.size >= this.#limits.groups * 2 || group.numbers.length >= mostNumbers) return;
    schemas.set(schema, group);
    group.numbers.push(epoch, schema);
  }

  #forgetNumber(epoch: number, schema: number): void {
    const schemas = this.#schemas.get(epoch);
    const { numbers } = schemas?.get(schema) ?? {};
    if (numbers === undefined) return;
    for (let at = 0; at < numbers.length; at += 2) {
      if (numbers[at] !== epoch || numbers[at + 1] !== schema) continue;
      numbers.splice(at, 2);
      break;
    }
    schemas?.delete(schema);
  }

  /** Of one that has gone or has other columns now: nothing is to hold it any longer. */
  #forgetNumbersOf(group: SeriesGroup): void {
    for (let at = 0; at < group.numbers.length; at += 2) {
      this.#schemas.get(group.numbers[at] ?? 0)?.delete(group.numbers[at + 1] ?? 0);
    }
    group.numbers.length = 0;
  }

  #forgetOldEpochs(): void {
    while (this.#schemas.size > this.#limits.epochs) {
      const [oldest] = this.#schemas.keys();
      if (oldest === undefined) return;
      for (const schema of [...(this.#schemas.get(oldest)?.keys() ?? [])]) this.#forgetNumber(oldest, schema);
      this.#schemas.delete(oldest);
    }
  }

  #remove(key: string, group: SeriesGroup, timestampMs: number): void {
    this.#groups.delete(key);
    this.#seriesCount -= group.columns.length;
    this.#characters -= group.characters;
    this.#forgetNumbersOf(group);
    if (group.hasRecord) this.#onEnded(group, endOf(group, timestampMs));
  }

  /** The same group with other columns: what is not among them any more has ended. */
  #endVanished(before: SeriesGroup, after: SeriesGroup, timestampMs: number): void {
    if (!before.hasRecord) return;
    const kept = new Set(after.columns.map((column) => JSON.stringify(column)));
    const columns = before.columns.filter((column) => !kept.has(JSON.stringify(column)));
    if (columns.length > 0) this.#onEnded({ labels: before.labels, columns }, endOf(before, timestampMs));
  }
}

function endOf(group: SeriesGroup, timestampMs: number): number {
  return Math.max(timestampMs, group.timestampMs + 1);
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
