// Results on stdout: a table for people, or one JSON document with a schema version for programs. Progress
// goes to stderr and is never needed to understand the result. Nothing else of these programs writes to a
// terminal, and nothing gets there that a terminal would obey.
import { printable, printableJson, printableLines } from '../../protocol/printable.ts';

export function printJson(value: Readonly<Record<string, unknown>>, indent = 2): void {
  process.stdout.write(`${printableJson(JSON.stringify({ schema: 1, ...value }, null, indent))}\n`);
}

export function printTable(header: readonly string[], rows: readonly (readonly string[])[]): void {
  const all = [header, ...rows].map((row) => row.map((cell) => printable(cell)));
  const widths = header.map((_, column) => Math.max(...all.map((row) => width(row[column] ?? ''))));
  for (const row of all) {
    const cells = row.map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - width(cell)));
    process.stdout.write(`${cells.join('  ').trimEnd()}\n`);
  }
}

export function printFields(all: readonly (readonly [name: string, value: string])[]): void {
  const fields = all.map(([name, value]) => [printable(name), printable(value)] as const);
  const longest = Math.max(...fields.map(([name]) => width(name)));
  for (const [name, value] of fields) {
    process.stdout.write(`${name}${' '.repeat(longest - width(name))}  ${value || '-'}\n`);
  }
}

/** Plain lines of a result. */
export function printLines(text: string): void {
  process.stdout.write(`${printableLines(text)}\n`);
}

export function tellProgress(line: string): void {
  process.stderr.write(`${printableLines(line)}\n`);
}

/** `3d4h`, `2h5m`, `40s`: what has passed since a time. */
export function age(since: string | undefined, now: number = Date.now()): string {
  const seconds = Math.max(0, Math.floor((now - Date.parse(since ?? '')) / 1000));
  if (Number.isNaN(seconds)) return '-';
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours}h${minutes % 60}m` : `${Math.floor(hours / 24)}d${hours % 24}h`;
}

/** Columns that a text takes in a terminal: East Asian wide characters take two. */
function width(text: string): number {
  let columns = 0;
  for (const character of text)
    columns +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/.test(
        character,
      )
        ? 2
        : 1;
  return columns;
}
