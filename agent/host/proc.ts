// Small numbers out of /proc and /sys.
import type { Host } from './host.ts';

/** The number in a file that holds one, or undefined when it is not there or holds something else. */
export async function numberIn(host: Host, path: string): Promise<number | undefined> {
  const text = (await host.files.readText(path))?.trim();
  return text !== undefined && /^-?\d+$/.test(text) ? Number(text) : undefined;
}

/** How many numbers a list like `0-3,8` names. */
export function countList(list: string): number {
  return list
    .trim()
    .split(',')
    .filter(Boolean)
    .reduce((sum, range) => {
      const [from = 0, to = from] = range.split('-').map(Number);
      return sum + (to - from + 1);
    }, 0);
}

/** A row of /proc/meminfo in MiB. */
export async function memoryMiB(host: Host, row: string): Promise<number | undefined> {
  const text = (await host.files.readText('/proc/meminfo')) ?? '';
  const kib = new RegExp(`^${row}:\\s+(\\d+) kB`, 'm').exec(text)?.[1];
  return kib === undefined ? undefined : Math.floor(Number(kib) / 1024);
}

/**
 * Of a /proc/PID/stat, what stands behind the command's name: the state, the parent and so on. A process
 * names itself, brackets and blanks included, so the last bracket is the kernel's.
 */
export function statFields(stat: string): readonly string[] {
  return stat
    .slice(stat.lastIndexOf(')') + 1)
    .trim()
    .split(' ');
}
