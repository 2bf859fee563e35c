// What the spool needs of a folder on a disk. agent/host/spool-disk.ts is the real one; tests have one that
// fills up, turns read-only, and loses what was not synced.

export interface SpoolFile {
  /** Appends all pieces as they lie, or throws; after a failure the end of the file is undefined. */
  append(pieces: readonly Uint8Array[]): Promise<void>;
  /** Resolves when what was appended survives a power cut. */
  sync(): Promise<void>;
  /** At most `length` bytes; fewer at the end of the file. */
  read(offset: number, length: number): Promise<Uint8Array>;
  truncate(length: number): Promise<void>;
  close(): Promise<void>;
}

export interface SpoolDisk {
  /** Names of the files in the folder, which is made when it is not there. */
  list(): Promise<readonly string[]>;
  /** A new file for appending and reading; its name survives a power cut. */
  create(name: string): Promise<SpoolFile>;
  open(name: string): Promise<SpoolFile>;
  remove(name: string): Promise<void>;
  /** Writes at an offset of a small file and syncs it. */
  overwrite(name: string, offset: number, bytes: Uint8Array): Promise<void>;
  freeBytes(): Promise<number>;
}
