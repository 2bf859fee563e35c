// What the columns of replayed records mean. A node's spool explains itself: each of its segments begins with the descriptions in
// force. They are kept apart from the live ones, which may have changed since those records were made.
import type { Description } from '../../protocol/telemetry/description.ts';
import type { SampleGroup } from './sample-sink.ts';

export class ReplaySchemas {
  readonly #limits: { readonly groups: number; readonly epochs: number };
  readonly #epochs = new Map<number, Map<number, SampleGroup>>();

  constructor(limits: { readonly groups: number; readonly epochs: number }) {
    this.#limits = limits;
  }

  describe(epoch: number, schema: number, { labels, columns }: Description): void {
    let schemas = this.#epochs.get(epoch);
    if (schemas === undefined) {
      schemas = new Map();
      this.#epochs.set(epoch, schemas);
      if (this.#epochs.size > this.#limits.epochs) {
        const [oldest] = this.#epochs.keys();
        if (oldest !== undefined) this.#epochs.delete(oldest);
      }
    }
    if (columns.length === 0) schemas.delete(schema);
    else if (schemas.has(schema) || schemas.size < this.#limits.groups)
      schemas.set(schema, { labels, columns });
  }

  group(epoch: number, schema: number): SampleGroup | undefined {
    return this.#epochs.get(epoch)?.get(schema);
  }
}
