// Reads /proc and /sys for the collectors, in their worker: synchronous, because these files come from
// memory. Files under /proc stay open and are read again from offset 0 into one reused buffer, which costs
// one system call instead of three. A thing that is not there (any more) is undefined; any other failure of
// the system is thrown as it is.
import { closeSync, openSync, readdirSync, readSync, statfsSync } from 'node:fs';
import { join } from 'node:path';

export interface FileSystemSpace {
  readonly blockBytes: number;
  readonly blocks: number;
  readonly freeBlocks: number;
  readonly availableBlocks: number;
  readonly files: number;
  readonly freeFiles: number;
}

const keptLimit = 64;
const bufferBytes = 64 * 1024;
const textLimitBytes = 4 * 1024 * 1024;
const absent = new Set(['ENOENT', 'ENODEV', 'ENXIO', 'ENOTDIR', 'EINVAL', 'EOPNOTSUPP', 'ESRCH']);

export class Procfs {
  readonly #root: string;
  readonly #kept = new Map<string, number>();
  #buffer = Buffer.allocUnsafe(bufferBytes);

  /** `root` stands for `/`: tests give a captured tree. */
  constructor(root = '/') {
    this.#root = root;
  }

  /** The whole text, or undefined when there is no such file. */
  text(path: string): string | undefined {
    const kept = this.#kept.get(path);
    if (kept === undefined) return this.#attempt(() => this.#readFresh(path));
    return this.#attempt(() => this.#readOpen(kept)) ?? this.#reopen(path, kept);
  }

  /**
   * Non-empty lines of a file that may be long, one after the other, as users of the host can make the table
   * of mounts; undefined when there is no such file. Lines that are longer than the buffer are left out.
   */
  lines(path: string): Iterable<string> | undefined {
    const descriptor = this.#attempt(() => openSync(join(this.#root, path), 'r'));
    return descriptor === undefined ? undefined : linesOf(descriptor);
  }

  /** A file that holds one number; NaN when it is absent or holds something else. */
  number(path: string): number {
    const text = this.text(path)?.trim();
    return text === undefined || text === '' ? Number.NaN : Number(text);
  }

  /** Names in a folder, or none when it is absent. */
  list(path: string): readonly string[] {
    return this.#attempt(() => readdirSync(join(this.#root, path))) ?? [];
  }

  /** Blocks for as long as the file system takes to answer: not for those across a network. */
  space(path: string): FileSystemSpace | undefined {
    const answer = this.#attempt(() => statfsSync(join(this.#root, path)));
    return answer === undefined
      ? undefined
      : {
          blockBytes: answer.bsize,
          blocks: answer.blocks,
          freeBlocks: answer.bfree,
          availableBlocks: answer.bavail,
          files: answer.files,
          freeFiles: answer.ffree,
        };
  }

  close(): void {
    for (const descriptor of this.#kept.values()) closeSync(descriptor);
    this.#kept.clear();
  }

  #readFresh(path: string): string {
    const descriptor = openSync(join(this.#root, path), 'r');
    const isKept = path.startsWith('/proc/') && this.#kept.size < keptLimit;
    try {
      return this.#readOpen(descriptor);
    } finally {
      if (isKept) this.#kept.set(path, descriptor);
      else closeSync(descriptor);
    }
  }

  #reopen(path: string, descriptor: number): string | undefined {
    this.#kept.delete(path);
    closeSync(descriptor);
    return this.#attempt(() => this.#readFresh(path));
  }

  #readOpen(descriptor: number): string {
    let length = 0;
    for (;;) {
      const count = readSync(descriptor, this.#buffer, length, this.#buffer.byteLength - length, length);
      length += count;
      if (count === 0) return this.#buffer.toString('utf8', 0, length);
      if (length === this.#buffer.byteLength) this.#grow();
    }
  }

  #grow(): void {
    if (this.#buffer.byteLength >= textLimitBytes)
      throw new RangeError(`a file is longer than ${textLimitBytes} bytes`);
    const larger = Buffer.allocUnsafe(this.#buffer.byteLength * 2);
    this.#buffer.copy(larger);
    this.#buffer = larger;
  }

  #attempt<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (absent.has((error as NodeJS.ErrnoException).code ?? '')) return undefined;
      throw error;
    }
  }
}

function* linesOf(descriptor: number): Iterable<string> {
  const buffer = Buffer.allocUnsafe(bufferBytes);
  let filled = 0;
  let isCut = false;
  try {
    for (;;) {
      const count = readSync(descriptor, buffer, filled, buffer.byteLength - filled, null);
      filled += count;
      const whole = count === 0 ? filled : buffer.lastIndexOf(0x0a, filled - 1) + 1;
      const lines = buffer.toString('utf8', 0, whole).split('\n');
      yield* (isCut ? lines.slice(1) : lines).filter((line) => line !== '');
      if (count === 0) return;
      if (whole > 0) isCut = false;
      buffer.copyWithin(0, whole, filled);
      filled -= whole;
      if (filled < buffer.byteLength) continue;
      isCut = true;
      filled = 0;
    }
  } finally {
    closeSync(descriptor);
  }
}

/** A clock that all threads of the process read alike (performance.now() begins anew in each). */
export const sharedClock = {
  nowMs: () => Date.now(),
  monotonicMs: () => Number(process.hrtime.bigint()) / 1e6,
};
