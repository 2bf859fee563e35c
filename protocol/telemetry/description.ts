// What the columns of a schema mean. A description is a record of class `schema` whose payload is this JSON;
// its record header carries the schema number. It comes before the first record that needs it, again in every
// new session, and once more with no columns when the thing it describes (a disk, a pod's link) has gone. So
// a stream of batches explains itself.
import { alignedBytes, recordClass, recordHeaderBytes } from './record.ts';

export type Labels = Readonly<Record<string, string>>;

export interface Column {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly labels?: Labels | undefined;
}

export interface Description {
  /**
   * The metric family, e.g. `disks`: with the labels it names the series group, whatever number it has today.
   */
  readonly family: string;
  /** How often a record of this schema is to be expected. */
  readonly intervalMs: number;
  /** Labels of all columns, e.g. `{"device":"vda"}`. */
  readonly labels: Labels;
  /** None: the group has gone. */
  readonly columns: readonly Column[];
}

export function labelCharacters(labels: Labels = {}): number {
  return Object.entries(labels).reduce((sum, [name, value]) => sum + name.length + value.length, 0);
}

/** Of names and labels as a page shows them: each series has the labels of its group. */
export function shownCharacters({ labels, columns }: Pick<Description, 'labels' | 'columns'>): number {
  const own = columns.reduce((sum, column) => sum + column.name.length + labelCharacters(column.labels), 0);
  return own + columns.length * labelCharacters(labels);
}

/** JSON filled up with spaces to a multiple of 8: the payload of a record. */
export function encodeDescription(description: Description): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(description));
  const bytes = new Uint8Array(alignedBytes(json.byteLength)).fill(0x20);
  bytes.set(json);
  return bytes;
}

/**
 * One record of class `schema` as bytes of its own, for the batches that repeat
 * descriptions in a new session.
 */
export function descriptionRecord(schema: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(recordHeaderBytes + payload.byteLength);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, bytes.byteLength, true);
  view.setUint16(8, schema, true);
  view.setUint8(10, recordClass.schema);
  bytes.set(payload, recordHeaderBytes);
  return bytes;
}
