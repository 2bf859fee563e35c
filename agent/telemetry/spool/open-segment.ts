// The one segment that is written to. After a failed append or sync it is cut back to what is certain and
// closed: nobody knows what a disk holds behind a failure, and the ring still has it.
import type { SpoolFile } from '../../host/spool-files.ts';
import type { Segment } from './segment.ts';

export class OpenSegment {
  readonly segment: Segment;
  readonly file: SpoolFile;
  /** How it was when it was last synced. */
  #synced: Segment;

  constructor(segment: Segment, file: SpoolFile) {
    this.segment = segment;
    this.file = file;
    this.#synced = { ...segment };
  }

  /** All pieces or none of them; after a failure the segment must be closed. */
  async append(pieces: readonly Uint8Array[]): Promise<void> {
    try {
      await this.file.append(pieces);
    } catch (error) {
      await this.#cut();
      throw error;
    }
    this.segment.sizeBytes += lengthOf(pieces);
  }

  /** The error when it failed: then the segment is what it was at the last sync, and must be closed. */
  async sync(): Promise<Error | undefined> {
    try {
      await this.file.sync();
      this.#synced = { ...this.segment };
      return undefined;
    } catch (error) {
      Object.assign(this.segment, this.#synced);
      await this.#cut();
      return error as Error;
    }
  }

  async close(): Promise<void> {
    await this.file.close().catch(() => undefined);
  }

  async #cut(): Promise<void> {
    await this.file.truncate(this.segment.sizeBytes).catch(() => undefined);
  }
}

export function lengthOf(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
}
