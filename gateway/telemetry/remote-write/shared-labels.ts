// The labels that the same group of series has at every node, encoded once. Bounded: hosts that name their
// devices anew each day only lose the sharing.
import type { SampleGroup } from '../sample-sink.ts';
import { encodeShared, type SharedPart } from './series.ts';

const groupLimit = 16_384;
/** Of all of them, encoded. */
const bytesLimit = 64 * 1024 * 1024;

export class SharedLabels {
  readonly #extra: Readonly<Record<string, string>>;
  #groups = new Map<string, readonly SharedPart[]>();
  #bytes = 0;

  constructor(extra: Readonly<Record<string, string>> = {}) {
    this.#extra = extra;
  }

  /** One for each column. */
  of({ labels, columns }: SampleGroup): readonly SharedPart[] {
    const key = JSON.stringify([labels, columns.map((column) => [column.name, column.labels])]);
    const known = this.#groups.get(key);
    if (known !== undefined) return known;
    const parts = columns.map((column) => this.#encode(column.name, { ...labels, ...column.labels }));
    // What is in use keeps what it has; the next ones are shared anew.
    if (this.#groups.size >= groupLimit || this.#bytes > bytesLimit) {
      this.#groups = new Map();
      this.#bytes = 0;
    }
    this.#groups.set(key, parts);
    this.#bytes += parts.reduce((sum, { bytes }) => sum + bytes, key.length);
    return parts;
  }

  /** Of a series that stands alone. */
  named(name: string): SharedPart {
    const [part] = this.of({ labels: {}, columns: [{ name, type: 'gauge' }] });
    return part ?? this.#encode(name, {});
  }

  #encode(name: string, labels: Readonly<Record<string, string>>): SharedPart {
    // The operator's last: a node must not speak for another cluster.
    return encodeShared({ ...labels, ...this.#extra, __name__: name });
  }
}
