// Where the time of the e2e files went, as a table: what test/e2e/ledger.ts wrote, one file each, the longest
// first. "load" is the machine's when the file ended: beside it a slow file is no riddle.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Activity, activities, type Spending } from '../sandbox/ledger.ts';

export interface Row extends Spending {
  readonly file: string;
  readonly load: number;
}

/** What no activity covers: the tests' own commands, and whatever they sleep. */
const columns = ['all', ...activities, 'rest', 'CPU s', 'load'] as const;

export async function readRows(folder: string): Promise<Row[]> {
  const names = await readdir(folder).catch(() => []);
  return Promise.all(
    names.map(async (name) => JSON.parse(await readFile(join(folder, name), 'utf8')) as Row),
  );
}

/** Empty when there is nothing to say. */
export function renderRows(rows: readonly Row[]): string {
  if (rows.length === 0) return '';
  const longestFirst = [...rows].sort((a, b) => b.wallMs - a.wallMs);
  const width = Math.max(...[...rows.map(({ file }) => file), 'all files'].map((name) => name.length));
  const line = (title: string, cells: readonly string[]) =>
    `  ${title.padEnd(width)}${cells.map((cell) => cell.padStart(8)).join('')}`;
  return [
    'where the time of the e2e files went, in seconds:',
    line('', columns),
    ...longestFirst.map((row) => line(row.file, [...numbers(row).map(whole), row.load.toFixed(1)])),
    line('all files', rows.map(numbers).reduce(plus).map(whole)),
  ].join('\n');
}

function numbers({ wallMs, activitiesMs, sandboxCpuSeconds, ownCpuSeconds }: Row): number[] {
  const seconds = (activity: Activity) => activitiesMs[activity] / 1000;
  const known = activities.map(seconds);
  const rest = Math.max(0, wallMs / 1000 - known.reduce((sum, one) => sum + one, 0));
  return [wallMs / 1000, ...known, rest, sandboxCpuSeconds + ownCpuSeconds];
}

const plus = (a: readonly number[], b: readonly number[]) => a.map((one, at) => one + (b[at] ?? 0));
const whole = (number: number) => number.toFixed(0);
