// What a disk refuses, told as what it is: full, out of inodes, over a quota, read-only, broken. Each names
// the path and, where there are any, the figures of its file system at that moment. Sits around the files of
// the real host, so that no change anywhere in the agent ends in a bare errno; what else a call may fail
// with passes through as it is.

import { Fault } from '../../protocol/catalogue/fault.ts';
import type { FaultCode } from '../../protocol/catalogue/index.ts';
import type { HostFiles } from './host.ts';

const mebibyte = 1024 * 1024;

const refusals = ['ENOSPC', 'EDQUOT', 'EROFS', 'EIO'] as const;
export type DiskRefusal = (typeof refusals)[number];

/** What somebody can mend without another disk. */
const mendable: readonly FaultCode[] = ['NO_SPACE', 'NO_INODES', 'DISK_QUOTA', 'READ_ONLY'];

export function isMendable(error: unknown): boolean {
  return error instanceof Fault && mendable.includes(error.code);
}

export function isDiskFault(error: unknown): boolean {
  return isMendable(error) || (error instanceof Fault && error.code === 'DISK_ERROR');
}

const changes = [
  'write',
  'makeDirectory',
  'makeLink',
  'removeFile',
  'removeEmptyDirectory',
  'removeTree',
  'setMode',
  'sync',
  'readText',
  'readBytes',
  'list',
  'sha256',
] as const satisfies readonly (keyof HostFiles)[];

export function withDiskFaults(files: HostFiles): HostFiles {
  const told = async <T>(path: string, neededBytes: number, act: () => Promise<T>): Promise<T> => {
    try {
      return await act();
    } catch (error) {
      const refusal = refusals.find(
        (code) => error instanceof Error && 'code' in error && error.code === code,
      );
      throw refusal === undefined ? error : await diskFault(files, refusal, path, neededBytes, error);
    }
  };
  return {
    ...files,
    ...Object.fromEntries(
      changes.map((name) => [
        name,
        (path: string, ...rest: unknown[]) => {
          const act = files[name] as (...args: unknown[]) => Promise<unknown>;
          return told(path, name === 'write' ? sizeOf(rest[0]) : 0, () => act(path, ...rest));
        },
      ]),
    ),
    rename: (from, to) => told(to, 0, () => files.rename(from, to)),
    writeStream: (path, source, options) => told(path, 0, () => files.writeStream(path, source, options)),
    async *readStream(path, start, end) {
      const chunks = files.readStream(path, start, end)[Symbol.asyncIterator]();
      try {
        for (;;) {
          const next = await told(path, 0, () => chunks.next());
          if (next.done) return;
          yield next.value;
        }
      } finally {
        await chunks.return?.(); // whoever reads no further leaves nothing open
      }
    },
    async openAppender(path, mode) {
      const appender = await told(path, 0, () => files.openAppender(path, mode));
      return {
        append: (bytes) => told(path, sizeOf(bytes), () => appender.append(bytes)),
        close: () => appender.close(),
      };
    },
  };
}

export async function diskFault(
  files: Pick<HostFiles, 'space'>,
  refusal: DiskRefusal,
  path: string,
  neededBytes: number,
  cause?: unknown,
): Promise<Fault> {
  const options = { cause };
  if (refusal === 'EROFS') return new Fault('READ_ONLY', { path }, options);
  if (refusal === 'EIO') return new Fault('DISK_ERROR', { path }, options);
  const neededMiB = Math.max(1, Math.ceil(neededBytes / mebibyte));
  if (refusal === 'EDQUOT') return new Fault('DISK_QUOTA', { path, neededMiB }, options);
  const space = await files.space(path).catch(() => undefined);
  // A file system that makes inodes as it needs them has 0 free ones always, and 0 in all.
  if (space !== undefined && space.totalInodes > 0 && space.freeInodes === 0)
    return new Fault('NO_INODES', { path }, options);
  const freeMiB = space === undefined ? '?' : Math.floor(space.freeBytes / mebibyte);
  return new Fault('NO_SPACE', { path, freeMiB, neededMiB }, options);
}

const phrases: readonly (readonly [RegExp, DiskRefusal])[] = [
  [/no space left on device/i, 'ENOSPC'],
  [/disk quota exceeded/i, 'EDQUOT'],
  [/read-only file system/i, 'EROFS'],
  [/input\/output error/i, 'EIO'],
];

/** What a program says that met a disk like that. */
export function refusalIn(text: string): DiskRefusal | undefined {
  return phrases.find(([phrase]) => phrase.test(text))?.[1];
}

function sizeOf(content: unknown): number {
  if (typeof content === 'string') return Buffer.byteLength(content);
  return content instanceof Uint8Array ? content.byteLength : 0;
}
