// What a process costs, from /proc: memory now, and CPU time and context switches since it began, of all of
// its threads and of the children that it has waited for.
import { readdir, readFile, readlink } from 'node:fs/promises';

export interface ProcessCost {
  readonly residentBytes: number;
  readonly anonymousBytes: number;
  readonly fileBytes: number;
  /** Pages that others have mapped too count in part. */
  readonly proportionalBytes: number;
  readonly threads: number;
  readonly cpuSeconds: number;
  readonly contextSwitches: number;
}

const ticksPerSecond = 100;

export async function processCost(pid: number): Promise<ProcessCost> {
  const [status, rollup, stat] = await Promise.all([
    readFile(`/proc/${pid}/status`, 'utf8'),
    readFile(`/proc/${pid}/smaps_rollup`, 'utf8'),
    readFile(`/proc/${pid}/stat`, 'utf8'),
  ]);
  // Counted from behind the command's name, which may hold blanks: utime, stime, cutime, cstime.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return {
    residentBytes: kibibytes(status, 'VmRSS'),
    anonymousBytes: kibibytes(status, 'RssAnon'),
    fileBytes: kibibytes(status, 'RssFile'),
    proportionalBytes: kibibytes(rollup, 'Pss'),
    threads: Number(/^Threads:\s+(\d+)/m.exec(status)?.[1]),
    cpuSeconds: ticks / ticksPerSecond,
    contextSwitches: await switches(pid),
  };
}

/** The process in the network namespace of `neighbour` whose command line holds these words. */
export async function findProcess(neighbour: number, words: string): Promise<number> {
  const namespace = await readlink(`/proc/${neighbour}/ns/net`);
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const line = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
    if (!line.replaceAll('\0', ' ').includes(words)) continue;
    if ((await readlink(`/proc/${name}/ns/net`).catch(() => '')) === namespace) return Number(name);
  }
  throw new Error(`no process "${words}" beside ${neighbour}`);
}

async function switches(pid: number): Promise<number> {
  let sum = 0;
  for (const thread of await readdir(`/proc/${pid}/task`)) {
    const status = await readFile(`/proc/${pid}/task/${thread}/status`, 'utf8').catch(() => '');
    for (const [, count] of status.matchAll(/^(?:non)?voluntary_ctxt_switches:\s+(\d+)/gm))
      sum += Number(count);
  }
  return sum;
}

function kibibytes(text: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) * 1024;
}
