// Ten thousand nodes describe their disks with the same columns: they are kept once. Bounded, so that a node which invents
// new columns without end only loses the sharing.
import type { Column } from '../../protocol/telemetry/description.ts';

const shapeLimit = 4096;

export class ColumnShapes {
  readonly #shapes = new Map<string, readonly Column[]>();

  shared(columns: readonly Column[]): readonly Column[] {
    const key = JSON.stringify(columns);
    const known = this.#shapes.get(key);
    if (known !== undefined || this.#shapes.size >= shapeLimit) return known ?? columns;
    this.#shapes.set(key, columns);
    return columns;
  }
}
