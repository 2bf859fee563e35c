// Ten thousand nodes describe their disks with the same columns: they are kept once. Bounded, so that a node
// which invents new columns without end only loses the sharing.
import type { Column } from '../../protocol/telemetry/description.ts';

const shapeLimit = 4096;
/** Of all shapes together, as JSON. */
const charactersLimit = 4 * 1024 * 1024;

export class ColumnShapes {
  readonly #shapes = new Map<string, readonly Column[]>();
  #characters = 0;

  shared(columns: readonly Column[]): readonly Column[] {
    const key = JSON.stringify(columns);
    const known = this.#shapes.get(key);
    if (known !== undefined) return known;
    if (this.#shapes.size >= shapeLimit || this.#characters + key.length > charactersLimit) return columns;
    this.#shapes.set(key, columns);
    this.#characters += key.length;
    return columns;
  }
}
