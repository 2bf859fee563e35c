// A journal's text as it lies on a disk, read as the agent reads it.
import { JournalReader, type ReadJournal } from '../../agent/plan/journal-reader.ts';

export function parseJournal(text: string): ReadJournal {
  const reader = new JournalReader();
  reader.push(Buffer.from(text));
  return reader.end();
}
