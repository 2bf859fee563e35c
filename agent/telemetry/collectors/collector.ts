// One shape for every metric family: a name and `collect`. A collector reads through Procfs, opens one record
// per series group and stores the columns. It keeps no clock and makes no decision about when it runs; a line
// that it cannot read it counts with `fault` and goes on with the next one.
import type { Column, Labels } from '../../../protocol/telemetry/description.ts';
import type { Procfs } from '../../host/procfs.ts';

/**
 * A kind of record: the family, the names of the labels that tell its groups apart, and its columns in order.
 */
export interface RecordShape {
  readonly family: string;
  readonly labelNames: readonly string[];
  readonly columns: readonly Column[];
}

export interface Sink {
  /** Where the columns go: shared memory. */
  readonly columns: Float64Array;
  /**
   * Opens the record of one group; the index of its first column, or -1 when there is
   * no room (then store nothing).
   */
  open(shape: RecordShape, ...labelValues: readonly string[]): number;
  /** Opens and fills one record; NaN stands for "not known here". */
  put(shape: RecordShape, labelValues: readonly string[], values: ArrayLike<number>): void;
}

export interface Observation {
  readonly procfs: Procfs;
  readonly sink: Sink;
  /** Counts something that could not be read; the family goes on. */
  fault(): void;
  readonly nowMs: number;
  readonly monotonicMs: number;
}

export interface Collector {
  readonly name: string;
  /** All that it may write; the reference of metrics is made from them. */
  readonly shapes: readonly RecordShape[];
  collect(observation: Observation): void;
}

export function counter(name: string, labels?: Labels): Column {
  return { name, type: 'counter', ...(labels === undefined ? {} : { labels }) };
}

export function gauge(name: string, labels?: Labels): Column {
  return { name, type: 'gauge', ...(labels === undefined ? {} : { labels }) };
}

/** Fields of a line that are separated by blanks. */
export function fields(line: string): string[] {
  return line.trim().split(/\s+/);
}

/** Non-empty lines of a text. */
export function lines(text: string | undefined): string[] {
  return text === undefined ? [] : text.split('\n').filter((line) => line !== '');
}

/** `Name: 123 kB` and `name 123` alike, as a map from name to the first number. */
export function numbersByName(text: string | undefined): Map<string, number> {
  const numbers = new Map<string, number>();
  for (const line of lines(text)) {
    const [name, value] = fields(line.replace(':', ' '));
    if (name !== undefined && value !== undefined) numbers.set(name, Number(value));
  }
  return numbers;
}
