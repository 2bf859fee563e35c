// One series as remote-write names it: its labels, sorted and encoded as the protobuf bytes that stand
// before its samples. A label without a value is no label. Of a node's series only two references are
// kept: its node's labels, and what ten thousand nodes of one kind have in common; they are put
// together when they are sent.
import { bytesField } from './protobuf.ts';

export interface Series {
  /** Of which node, or gateway: what is refused of one must not cost the others. */
  readonly source: string;
  /** Of the `labels` fields of a TimeSeries message. */
  readonly labelBytes: number;
  /** Writes them; returns where they end. */
  writeLabels(into: Uint8Array, at: number): number;
}

type Labels = Readonly<Record<string, string>>;

/** One that stands alone. */
export class OwnSeries implements Series {
  readonly source: string;
  readonly #labels: Uint8Array;

  constructor(source: string, labels: Labels) {
    this.source = source;
    this.#labels = joined(sorted(labels).map(encodeLabel));
  }

  get labelBytes(): number {
    return this.#labels.byteLength;
  }

  writeLabels(into: Uint8Array, at: number): number {
    into.set(this.#labels, at);
    return at + this.#labels.byteLength;
  }
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

/** The other labels of a series: what stands before each label of the node, and after the last. */
export interface SharedPart {
  readonly pieces: readonly Uint8Array[];
  readonly bytes: number;
}

export function encodeShared(labels: Labels): SharedPart {
  const own = sorted(labels).filter(([name]) => !(nodeLabelNames as readonly string[]).includes(name));
  const bounds = ['', ...nodeLabelNames, undefined];
  const pieces = bounds.slice(1).map((end, index) => {
    const begin = bounds[index] ?? '';
    return joined(own.filter(([name]) => name > begin && (end === undefined || name < end)).map(encodeLabel));
  });
  return { pieces, bytes: pieces.reduce((sum, { byteLength }) => sum + byteLength, 0) };
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

  get labelBytes(): number {
    return this.#shared.bytes + this.#node.bytes;
  }

  writeLabels(into: Uint8Array, start: number): number {
    let at = start;
    for (let index = 0; index <= nodeLabelNames.length; index++) {
      at = copy(this.#shared.pieces[index], into, at);
      at = copy(this.#node.fields[index], into, at);
    }
    return at;
  }
}

function copy(piece: Uint8Array | undefined, into: Uint8Array, at: number): number {
  if (piece === undefined || piece.byteLength === 0) return at;
  into.set(piece, at);
  return at + piece.byteLength;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

function sorted(labels: Labels): [name: string, value: string][] {
  return Object.entries(labels)
    .filter(([, value]) => value !== '')
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

function encodeLabel([name, value]: readonly [name: string, value: string]): Uint8Array {
  return bytesField(1, Buffer.concat([bytesField(1, Buffer.from(name)), bytesField(2, Buffer.from(value))]));
}
