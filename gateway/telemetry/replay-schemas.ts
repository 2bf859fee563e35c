// What the columns of replayed records mean. A node's spool explains itself: each of its segments
// begins with the descriptions in force. They are kept apart from the live ones, which may have changed
// since those records were made.
import { type Description, shownCharacters } from '../../protocol/telemetry/description.ts';
import type { TelemetryLimits } from './limits.ts';
import type { SampleGroup } from './sample-sink.ts';

export class ReplaySchemas {
  readonly #limits: Pick<TelemetryLimits, 'groups' | 'epochs' | 'series' | 'labelCharacters'>;
  #series = 0;
  #characters = 0;
  readonly #epochs = new Map<number, Map<number, SampleGroup>>();

  constructor(limits: Pick<TelemetryLimits, 'groups' | 'epochs' | 'series' | 'labelCharacters'>) {
    this.#limits = limits;
  }

  describe(epoch: number, schema: number, { labels, columns }: Description): void {
    let schemas = this.#epochs.get(epoch);
    if (schemas === undefined) {
      schemas = new Map();
      this.#epochs.set(epoch, schemas);
      if (this.#epochs.size > this.#limits.epochs) {
        const [oldest] = this.#epochs.keys();
        if (oldest !== undefined) this.#forgetEpoch(oldest);
      }
    }
    this.#forget(schemas, schema);
    if (columns.length === 0 || schemas.size >= this.#limits.groups) return;
    const group = { labels, columns };
    this.#series += columns.length;
    this.#characters += shownCharacters(group);
    schemas.set(schema, group);
    this.#makeRoom(epoch);
  }

  /** What was described the longest ago goes first: a spool is replayed in its order. */
  #makeRoom(present: number): void {
    const { series, labelCharacters } = this.#limits;
    while (this.#series > series || this.#characters > labelCharacters) {
      const [oldest = present] = this.#epochs.keys();
      const schemas = this.#epochs.get(oldest);
      const [first] = schemas?.keys() ?? [];
      if (schemas === undefined || first === undefined) {
        if (oldest === present) return;
        this.#epochs.delete(oldest);
      } else this.#forget(schemas, first);
    }
  }

  #forgetEpoch(epoch: number): void {
    const schemas = this.#epochs.get(epoch);
    for (const schema of [...(schemas?.keys() ?? [])]) if (schemas) this.#forget(schemas, schema);
    this.#epochs.delete(epoch);
  }

  #forget(schemas: Map<number, SampleGroup>, schema: number): void {
    const group = schemas.get(schema);
    if (group === undefined) return;
    this.#series -= group.columns.length;
    this.#characters -= shownCharacters(group);
    schemas.delete(schema);
  }

  group(epoch: number, schema: number): SampleGroup | undefined {
    return this.#epochs.get(epoch)?.get(schema);
  }
}
