// The write-ahead journal: an entry is on the disk before the change that it undoes is begun. A last
// line that was torn by a loss of power belongs to a change that was never begun, and is cut off;
// damage anywhere else is JOURNAL_CORRUPT, for guessing what was there before is how hosts lose data.
// Entries are never rewritten.
import { Fault } from '../../protocol/catalogue/fault.ts';
import { paths } from '../config/paths.ts';
import type { Host } from '../host/host.ts';
import { decodeEntry, encodeEntry, type JournalEntry, journalVersion } from './entry.ts';

export type Change = Pick<JournalEntry, 'key' | 'kind' | 'entry'>;

export const journalLimitBytes = 256 * 1024 * 1024;

export interface Journal {
  readonly entries: readonly JournalEntry[];
  /** All of them with one write, on the disk when it resolves; a crash leaves the first few whole. */
  append(...changes: readonly Change[]): Promise<void>;
  close(): Promise<void>;
}

interface Damage {
  readonly line: number;
  readonly detail: string;
}

/** What the journal says; undefined when there is none. Damage throws unless `tolerant`. */
export async function readJournal(
  host: Host,
  options: { tolerant?: boolean } = {},
): Promise<ParsedJournal | undefined> {
  const text = await host.files.readText(paths.journal, journalLimitBytes);
  if (text === undefined) return undefined;
  const read = parseJournal(text);
  const [first] = read.damage;
  if (first !== undefined && !options.tolerant) {
    throw new Fault('JOURNAL_CORRUPT', { path: paths.journal, line: first.line, detail: first.detail });
  }
  return read;
}

/** Opens it for writing; cuts a torn tail off first. */
export async function openJournal(host: Host): Promise<Journal> {
  const read = await readJournal(host);
  if (read?.torn) await host.files.write(paths.journal, read.whole, { mode: 0o600 });
  const entries = read?.entries ?? [];
  const appender = await host.files.openAppender(paths.journal, 0o600);
  return {
    entries,
    async append(...changes) {
      if (changes.length === 0) return;
      const next = (entries.at(-1)?.number ?? 0) + 1;
      const at = new Date(host.clock.nowMs()).toISOString();
      const lines = changes.map(({ key, kind, entry }, index): JournalEntry => {
        return { version: journalVersion, number: next + index, at, key, kind, entry };
      });
      await appender.append(lines.map(encodeEntry).join(''));
      entries.push(...lines);
    },
    close: () => appender.close(),
  };
}

export interface ParsedJournal {
  readonly entries: JournalEntry[];
  readonly damage: Damage[];
  /** True when the text ends in the middle of a line; `whole` is what counts of it, line end included. */
  readonly torn: boolean;
  readonly whole: string;
}

/** Pure. */
export function parseJournal(text: string): ParsedJournal {
  const entries: JournalEntry[] = [];
  const damage: Damage[] = [];
  const lines = text.split('\n');
  const tail = lines.pop() ?? '';
  for (const [index, line] of lines.entries()) read(line, index + 1);

  // A last line without its end is whole when only that is missing, and torn otherwise.
  const tailIsWhole = tail !== '' && !('damage' in decodeEntry(tail));
  if (tailIsWhole) read(tail, lines.length + 1);
  const whole = lines.map((line) => `${line}\n`).join('') + (tailIsWhole ? `${tail}\n` : '');
  return { entries, damage, torn: tail !== '', whole };

  function read(line: string, number: number): void {
    const entry = decodeEntry(line);
    if ('damage' in entry) damage.push({ line: number, detail: entry.damage });
    else if (damage.length === 0 && entry.number !== entries.length + 1) {
      damage.push({ line: number, detail: `entry ${entry.number} is not the one that follows` });
    } else entries.push(entry);
  }
}
