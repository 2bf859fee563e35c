// One series as remote-write names it: its labels, sorted and encoded as the protobuf bytes that stand before its samples. A label
// without a value is no label. Of a node's series only two references are kept: its node's labels, and what ten thousand nodes of
// one kind have in common; they are put together when they are sent.
import { bytesField } from './protobuf.ts';

export interface Series {
  /** Of which node, or gateway: what is refused of one must not cost the others. */
  readonly source: string;
  /** The `labels` fields of a TimeSeries message; made anew each time for a node's. */
  readonly labels: Uint8Array;
}

type Labels = Readonly<Record<string, string>>;

export function encodeSeries(source: string, labels: Labels): Series {
  return { source, labels: new Uint8Array(Buffer.concat(sorted(labels).map(encodeLabel))) };
}

/** In their order; no other label of a node's series has one of these names. */
const nodeLabelNames = ['instance', 'job', 'node', 'pool'] as const;

/** The labels that only this node has. */
export class NodePart {
  readonly source: string;
  readonly fields: readonly Uint8Array[];
  readonly bytes: number;

  constructor(source: string, labels: Readonly<Record<(typeof nodeLabelNames)[number], string>>) {
    this.source = source;
    this.fields = nodeLabelNames.map((name) =>
      labels[name] === '' ? new Uint8Array() : encodeLabel([name, labels[name]]),
    );
    this.bytes = this.fields.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }
}

/** The other labels of a series, and where between them each label of the node belongs. */
export interface SharedPart {
  readonly bytes: Uint8Array;
  readonly cuts: readonly number[];
}

export function encodeShared(labels: Labels): SharedPart {
  const own = sorted(labels).filter(([name]) => !(nodeLabelNames as readonly string[]).includes(name));
  const encoded = own.map(encodeLabel);
  const cuts = nodeLabelNames.map((name) =>
    encoded.reduce(
      (sum, { byteLength }, index) => sum + ((own[index]?.[0] ?? '') < name ? byteLength : 0),
      0,
    ),
  );
  return { bytes: new Uint8Array(Buffer.concat(encoded)), cuts };
}

export class NodeSeries implements Series {
  readonly #node: NodePart;
  readonly #shared: SharedPart;

  constructor(node: NodePart, shared: SharedPart) {
    this.#node = node;
    this.#shared = shared;
  }

  get source(): string {
    return this.#node.source;
  }

  get labels(): Uint8Array {
    const { bytes, cuts } = this.#shared;
    const all = new Uint8Array(bytes.byteLength + this.#node.bytes);
    let from = 0;
    let at = 0;
    for (const [index, field] of this.#node.fields.entries()) {
      const cut = cuts[index] ?? bytes.byteLength;
      all.set(bytes.subarray(from, cut), at);
      at += cut - from;
      all.set(field, at);
      at += field.byteLength;
      from = cut;
    }
    all.set(bytes.subarray(from), at);
    return all;
  }
}

function sorted(labels: Labels): [name: string, value: string][] {
  return Object.entries(labels)
    .filter(([, value]) => value !== '')
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

function encodeLabel([name, value]: readonly [name: string, value: string]): Uint8Array {
  return bytesField(1, Buffer.concat([bytesField(1, Buffer.from(name)), bytesField(2, Buffer.from(value))]));
}
