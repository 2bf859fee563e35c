// A disk in memory that fails as real ones do: it fills up, turns read-only, loses at a power cut what was
// not synced, and holds other bytes than were written.
import type { SpoolDisk, SpoolFile } from '../../../../../agent/host/spool-files.ts';

interface Content {
  bytes: Buffer;
  /** How much of it survives a power cut. */
  syncedBytes: number;
}

export class MemoryDisk implements SpoolDisk {
  readonly files = new Map<string, Content>();
  capacityBytes = Number.POSITIVE_INFINITY;
  isReadOnly = false;
  failsToSync = false;
  /** A file that cannot be removed. */
  stuck: string | undefined;
  syncs = 0;

  get usedBytes(): number {
    return [...this.files.values()].reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
  }

  async list(): Promise<readonly string[]> {
    return [...this.files.keys()].sort();
  }

  async create(name: string): Promise<SpoolFile> {
    this.#assertWritable(0);
    if (this.files.has(name)) throw new Error('EEXIST');
    this.files.set(name, { bytes: Buffer.alloc(0), syncedBytes: 0 });
    return this.#file(name);
  }

  async open(name: string): Promise<SpoolFile> {
    if (!this.files.has(name)) throw new Error('ENOENT');
    return this.#file(name);
  }

  async remove(name: string): Promise<void> {
    this.#assertWritable(0);
    if (name === this.stuck) throw new Error('EPERM');
    this.files.delete(name);
  }

  async overwrite(name: string, offset: number, bytes: Uint8Array): Promise<void> {
    const old = this.files.get(name)?.bytes ?? Buffer.alloc(0);
    this.#assertWritable(Math.max(0, offset + bytes.byteLength - old.byteLength));
    const next = Buffer.alloc(Math.max(old.byteLength, offset + bytes.byteLength));
    old.copy(next);
    next.set(bytes, offset);
    this.files.set(name, { bytes: next, syncedBytes: next.byteLength });
  }

  async freeBytes(): Promise<number> {
    return this.capacityBytes - this.usedBytes;
  }

  powerCut(): void {
    for (const content of this.files.values()) content.bytes = content.bytes.subarray(0, content.syncedBytes);
  }

  #assertWritable(bytes: number): void {
    if (this.isReadOnly) throw new Error('EROFS');
    if (this.usedBytes + bytes > this.capacityBytes) throw new Error('ENOSPC');
  }

  #file(name: string): SpoolFile {
    const content = () => this.files.get(name) ?? { bytes: Buffer.alloc(0), syncedBytes: 0 };
    return {
      append: async (pieces) => {
        const more = Buffer.concat(pieces);
        const file = content();
        try {
          this.#assertWritable(more.byteLength);
        } catch (error) {
          // A full disk takes a part.
          if (!this.isReadOnly)
            file.bytes = Buffer.concat([file.bytes, more.subarray(0, more.byteLength / 2)]);
          throw error;
        }
        file.bytes = Buffer.concat([file.bytes, more]);
      },
      sync: async () => {
        if (this.failsToSync) throw new Error('EIO');
        this.syncs += 1;
        content().syncedBytes = content().bytes.byteLength;
      },
      read: async (offset, length) => Buffer.from(content().bytes.subarray(offset, offset + length)),
      truncate: async (length) => {
        if (this.isReadOnly) throw new Error('EROFS');
        content().bytes = content().bytes.subarray(0, length);
      },
      close: async () => undefined,
    };
  }
}
