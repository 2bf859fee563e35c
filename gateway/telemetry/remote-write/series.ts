// One series as remote-write names it: its labels, sorted and encoded once as the protobuf bytes that stand before its samples in every
// request. A label without a value is no label.
import { bytesField } from './protobuf.ts';

export interface Series {
  /** Of which node, or gateway: what is refused of one must not cost the others. */
  readonly source: string;
  /** The `labels` fields of a TimeSeries message. */
  readonly labels: Uint8Array;
}

export function encodeSeries(source: string, labels: Readonly<Record<string, string>>): Series {
  const pairs = Object.entries(labels)
    .filter(([, value]) => value !== '')
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const encoded = pairs.map(([name, value]) =>
    bytesField(1, Buffer.concat([bytesField(1, Buffer.from(name)), bytesField(2, Buffer.from(value))])),
  );
  return { source, labels: new Uint8Array(Buffer.concat(encoded)) };
}
