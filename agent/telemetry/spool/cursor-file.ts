// How far the spool is done, as it lies on the disk, and the marks that the gateway has acknowledged. Each
// save goes to the other slot, so that a torn one leaves the last.

import type { SpoolDisk } from '../../host/spool-files.ts';
import { cursorFileName, cursorListLimit, encodeSlot, type SpoolCursor, slotBytes } from './cursor.ts';

export class CursorFile {
  /** Something has changed that is not saved yet. */
  isDirty = false;
  readonly #disk: SpoolDisk;
  readonly #acknowledged: Map<number, number>;
  #generation: number;

  constructor(disk: SpoolDisk, recovered: { readonly cursor: SpoolCursor; readonly generation: number }) {
    this.#disk = disk;
    this.#acknowledged = new Map(recovered.cursor.acknowledged);
    this.#generation = recovered.generation;
  }

  /** Up to where the gateway has this epoch; undefined when it has said nothing of it. */
  acknowledged(epoch: number): number | undefined {
    return this.#acknowledged.get(epoch);
  }

  acknowledge(epoch: number, nextSequence: number): void {
    if ((this.#acknowledged.get(epoch) ?? -1) >= nextSequence) return;
    this.#acknowledged.set(epoch, nextSequence);
    this.isDirty = true;
  }

  /** Of acknowledged marks only those of epochs that there is still something of. */
  async save(place: Omit<SpoolCursor, 'acknowledged'>, epochs: ReadonlySet<number>): Promise<void> {
    const generation = this.#generation + 1;
    const acknowledged = [...this.#acknowledged].filter(([epoch]) => epochs.has(epoch));
    const cursor = { ...place, acknowledged: acknowledged.slice(-cursorListLimit) };
    await this.#disk.overwrite(cursorFileName, (generation % 2) * slotBytes, encodeSlot(generation, cursor));
    this.#generation = generation;
    this.isDirty = false;
  }
}
