// Memory that the program's own files take in this process. Starting touches tens of megabytes of Node.js's
// code and constants that are never needed again, and Linux leaves them mapped for as long as nobody else
// wants memory. Here they are unmapped: what is needed after all comes back from the page cache at the next
// touch. Only pages that are the file's bytes, unchanged and unwritable: which mappings those are is read
// here, that they belong to a segment that is never written the addon sees for itself.
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type KernelCalls, kernelCalls } from './kernel-calls.ts';

export interface MappedPages {
  readonly address: number;
  readonly bytes: number;
  readonly residentBytes: number;
}

/**
 * How many bytes of this process's resident memory were file pages and are no more; undefined
 * where the addon is missing.
 */
export function releaseFilePages(calls: KernelCalls | undefined = kernelCalls()): number | undefined {
  if (calls === undefined) return undefined;
  const program = dirname(dirname(process.execPath));
  let releasedBytes = 0;
  for (const { address, bytes, residentBytes } of filePages(
    readFileSync('/proc/self/smaps', 'utf8'),
    program,
  ))
    if (calls.releasePages(address, bytes) === 0) releasedBytes += residentBytes;
  return releasedBytes;
}

/** Mappings of /proc/PID/smaps that hold nothing but bytes of files below `folder`. */
export function filePages(smaps: string, folder: string): readonly MappedPages[] {
  const found: MappedPages[] = [];
  for (const mapping of smaps.split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)) {
    const head = /^([0-9a-f]+)-([0-9a-f]+) r-[-x]p [0-9a-f]+ \S+ [1-9]\d* +(\/.*)$/m.exec(mapping);
    if (head === null || head.index !== 0 || !head[3]?.startsWith(`${folder}/`)) continue;
    const [address, end] = [Number.parseInt(head[1] ?? '', 16), Number.parseInt(head[2] ?? '', 16)];
    const residentBytes = kibibytes(mapping, 'Rss');
    // Anonymous: pages that were written after all, by the loader or by somebody's probe in the
    // code. They are nowhere else.
    if (kibibytes(mapping, 'Anonymous') !== 0 || !(residentBytes > 0)) continue;
    found.push({ address, bytes: end - address, residentBytes });
  }
  return found;
}

/** NaN when it isn't said. */
function kibibytes(mapping: string, name: string): number {
  return Number(new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(mapping)?.[1]) * 1024;
}
