// The end of the queue: which segment is written to, when the next one begins, and how far all of it is
// written and synced. A failed write or sync steps back to what is certain, and closes the segment.
import type { SpoolDisk, SpoolFile } from '../../host/spool-files.ts';
import { lengthOf, OpenSegment } from './open-segment.ts';
import { type Segment, segmentFileName } from './segment.ts';

export interface Append {
  readonly epoch: number;
  readonly firstSequence: number;
  readonly nextSequence: number;
  readonly ringEnd: number;
  readonly pieces: readonly Uint8Array[];
}

/** Where the last block ends, in the ring and in the sequence. */
export interface Tail {
  readonly ringEnd: number;
  readonly nextSequence: number;
}

export interface SegmentWriterOptions {
  readonly disk: SpoolDisk;
  readonly segmentBytes: number;
  readonly lastOrdinal: number;
  readonly begun: (segment: Segment) => void;
}

export class SegmentWriter {
  /**
   * What this process has written, and how much of it is synced. After a failure less
   * may be written than before.
   */
  tail: Tail | undefined;
  syncedTail: Tail | undefined;
  readonly #options: SegmentWriterOptions;
  #lastOrdinal: number;
  #open: OpenSegment | undefined;

  constructor(options: SegmentWriterOptions) {
    this.#options = options;
    this.#lastOrdinal = options.lastOrdinal;
  }

  isOpen(segment: Segment): boolean {
    return this.#open?.segment === segment;
  }

  /** The file of a segment, if it is the one that is written to. */
  fileOf(segment: Segment): SpoolFile | undefined {
    return this.#open?.segment === segment ? this.#open.file : undefined;
  }

  /**
   * Writes one block; `describe` gives the blocks that a new segment begins with. Returns how
   * many bytes went to the disk.
   */
  async append(block: Append, describe: () => readonly (readonly Uint8Array[])[]): Promise<number> {
    const fit = this.#fitting(block.epoch);
    const open = fit ?? (await this.#begin(block));
    let bytes = 0;
    for (const pieces of [...(fit === undefined ? describe() : []), block.pieces]) {
      await this.#appendTo(open, pieces);
      bytes += lengthOf(pieces);
    }
    open.segment.nextSequence = block.nextSequence;
    open.segment.ringEnd = block.ringEnd;
    this.tail = { ringEnd: block.ringEnd, nextSequence: block.nextSequence };
    return bytes;
  }

  async sync(): Promise<void> {
    const error = await this.#open?.sync();
    if (error === undefined) {
      this.syncedTail = this.tail;
      return;
    }
    this.tail = this.syncedTail;
    await this.close();
    throw error;
  }

  async close(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    await open?.close();
  }

  #fitting(epoch: number): OpenSegment | undefined {
    const open = this.#open;
    const isFit = open?.segment.epoch === epoch && open.segment.sizeBytes < this.#options.segmentBytes;
    return isFit ? open : undefined;
  }

  async #begin({ epoch, firstSequence }: Append): Promise<OpenSegment> {
    await this.sync();
    await this.close();
    this.#lastOrdinal += 1;
    const ordinal = this.#lastOrdinal;
    const segment: Segment = { ordinal, epoch, firstSequence, nextSequence: firstSequence, sizeBytes: 0 };
    const open = new OpenSegment(segment, await this.#options.disk.create(segmentFileName(segment)));
    this.#open = open;
    this.#options.begun(segment);
    return open;
  }

  async #appendTo(open: OpenSegment, pieces: readonly Uint8Array[]): Promise<void> {
    try {
      await open.append(pieces);
    } catch (error) {
      await this.sync().catch(() => undefined);
      await this.close();
      throw error;
    }
  }
}
