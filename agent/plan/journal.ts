// The write-ahead journal: an entry is on the disk before the change that it undoes is begun. A last
// line that was torn by a loss of power belongs to a change that was never begun, and is cut off;
// damage anywhere else is JOURNAL_CORRUPT, for guessing what was there before is how hosts lose data.
// What no undoing needs any more is left out when it is opened (condense.ts): the new text replaces
// the old one in one move. It is read as a stream, so none is too long to leave by.
import { Fault } from '../../protocol/catalogue/fault.ts';
import { paths } from '../config/paths.ts';
import { isMendable } from '../host/disk-faults.ts';
import type { Host } from '../host/host.ts';
import { dropBackups } from './backups.ts';
import { condense, isWorthCondensing } from './condense.ts';
import { encodeEntry, type JournalEntry, journalVersion } from './entry.ts';
import { type JournalDamage, JournalReader, type ReadJournal } from './journal-reader.ts';

export type Change = Pick<JournalEntry, 'key' | 'kind' | 'entry'>;

export interface Journal {
  readonly entries: readonly JournalEntry[];
  /** All of them with one write, on the disk when it resolves; a crash leaves the first few whole. */
  append(...changes: readonly Change[]): Promise<void>;
  close(): Promise<void>;
}

/** What the journal says; undefined when there is none. Damage throws unless `tolerant`. */
export async function readJournal(
  host: Host,
  options: { tolerant?: boolean; path?: string } = {},
): Promise<ReadJournal | undefined> {
  const { tolerant = false, path = paths.journal } = options;
  const status = await host.files.status(path);
  if (status === undefined) return undefined;
  const reader = new JournalReader();
  for await (const bytes of host.files.readStream(path, 0, status.sizeBytes)) reader.push(bytes);
  const read = reader.end();
  if (!tolerant) throwDamage(path, read.damage);
  return read;
}

function throwDamage(path: string, [first]: readonly JournalDamage[]): void {
  if (first !== undefined)
    throw new Fault('JOURNAL_CORRUPT', { path, line: first.line, detail: first.detail });
}

/**
 * Opens it for writing; cuts a torn tail off first, and leaves out what is needed no
 * more. The caller holds the lock.
 */
export async function openJournal(host: Host): Promise<Journal> {
  const { entries, lines } = await tidied(host);
  let last = lines;
  const appender = await host.files.openAppender(paths.journal, 0o600);
  return {
    entries,
    async append(...changes) {
      if (changes.length === 0) return;
      const at = new Date(host.clock.nowMs()).toISOString();
      const added = changes.map(({ key, kind, entry }, index): JournalEntry => {
        return { version: journalVersion, number: last + index + 1, at, key, kind, entry };
      });
      await appender.append(added.map(encodeEntry).join(''));
      entries.push(...added);
      last += added.length;
    },
    close: () => appender.close(),
  };
}

/**
 * A crash leaves the old text or the new one; backups that nobody names any more go after it. A disk without
 * room for the new text holds up nothing, for the old one says the same.
 */
async function tidied(host: Host): Promise<Pick<ReadJournal, 'entries' | 'lines'>> {
  const read = await readJournal(host);
  if (read === undefined) return { entries: [], lines: 0 };
  const condensed = condense(read.entries);
  if (!read.torn && !isWorthCondensing(read.lines, condensed.length)) return read;
  try {
    await host.files.write(paths.journal, condensed.map(encodeEntry).join(''), { mode: 0o600 });
    await dropBackups(host, paths.backups, condensed);
  } catch (error) {
    if (read.torn || !isMendable(error)) throw error;
    return read;
  }
  return { entries: condensed, lines: condensed.length };
}
