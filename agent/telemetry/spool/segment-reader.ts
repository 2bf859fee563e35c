// Reads blocks of segments that are not written to any more, or still are: the file of the
// one that is read stays open.
import type { SpoolDisk, SpoolFile } from '../../host/spool-files.ts';
import {
  type Block,
  isDescription,
  readBlock,
  recordsFrom,
  type Segment,
  segmentFileName,
} from './segment.ts';

export class SegmentReader {
  readonly #disk: SpoolDisk;
  /** The file of the segment that is being written, which is open already. */
  readonly #writtenFile: (segment: Segment) => SpoolFile | undefined;
  #reading: { readonly ordinal: number; readonly file: SpoolFile } | undefined;

  constructor(disk: SpoolDisk, writtenFile: (segment: Segment) => SpoolFile | undefined) {
    this.#disk = disk;
    this.#writtenFile = writtenFile;
  }

  /** The block at an offset; undefined at the end, 'damaged' when there are bytes that are no whole block. */
  async blockAt(segment: Segment, offset: number): Promise<Block | 'damaged' | undefined> {
    const file = await this.#fileOf(segment);
    return offset >= segment.sizeBytes ? undefined : readBlock(file, offset);
  }

  /** How many records there are from an offset on that are not acknowledged. */
  async countFrom(segment: Segment, offset: number, acknowledged: number): Promise<number> {
    let count = 0;
    for (let at = offset; ; ) {
      const block = await this.blockAt(segment, at);
      if (block === undefined || block === 'damaged') return count;
      if (!isDescription(block.batch)) count += recordsFrom(block.batch, acknowledged);
      at = block.endOffset;
    }
  }

  async close(only?: Segment): Promise<void> {
    const reading = this.#reading;
    if (reading === undefined || (only !== undefined && only.ordinal !== reading.ordinal)) return;
    this.#reading = undefined;
    await reading.file.close().catch(() => undefined);
  }

  async #fileOf(segment: Segment): Promise<SpoolFile> {
    const written = this.#writtenFile(segment);
    if (written !== undefined) return written;
    if (this.#reading?.ordinal === segment.ordinal) return this.#reading.file;
    await this.close();
    const file = await this.#disk.open(segmentFileName(segment));
    this.#reading = { ordinal: segment.ordinal, file };
    return file;
  }
}
