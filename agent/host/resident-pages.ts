// Memory that the program's own files take in this process. Starting touches tens of megabytes of Node.js's code and constants that are
// never needed again, and Linux leaves them mapped for as long as nobody else wants memory. Here they are unmapped:
// what is needed after all comes back from the page cache at the next touch. Only pages that are the file's bytes,
// unchanged and unwritable, of files that stay mapped until the process ends; everything else is left alone.
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

export interface MappedPages {
  readonly address: number;
  readonly bytes: number;
  readonly residentBytes: number;
}

/** How many bytes of this process's resident memory were file pages and are no more. The addon is made by the build and lies beside
 *  the program; unbuilt there is none: undefined, and nothing is released. */
export function releaseFilePages(
  addon = join(import.meta.dirname, 'resident-pages.node'),
): number | undefined {
  if (!existsSync(addon)) return undefined;
  const release = createRequire(addon)(addon) as (address: number, bytes: number) => number;
  const program = dirname(dirname(process.execPath));
  let releasedBytes = 0;
  for (const { address, bytes, residentBytes } of filePages(
    readFileSync('/proc/self/smaps', 'utf8'),
    program,
  ))
    if (release(address, bytes) === 0) releasedBytes += residentBytes;
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
    // Anonymous: pages that were written before they became unwritable, as the loader does. They are nowhere else.
    if (kibibytes(mapping, 'Anonymous') !== 0 || !(residentBytes > 0)) continue;
    found.push({ address, bytes: end - address, residentBytes });
  }
  return found;
}

/** NaN when it isn't said. */
function kibibytes(mapping: string, name: string): number {
  return Number(new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(mapping)?.[1]) * 1024;
}
