// Reads a journal as its bytes come, and holds no more of it than what undoes something: one that grew to
// gigabytes is read in the memory of a short one. Pure.
import { condense } from './condense.ts';
import { decodeEntry, type JournalEntry } from './entry.ts';

export interface JournalDamage {
  readonly line: number;
  readonly detail: string;
}

export interface ReadJournal {
  /** As they stand there; of a long one without what no undoing needs, and numbered anew. */
  readonly entries: JournalEntry[];
  /** How many entries the text has. */
  readonly lines: number;
  readonly damage: JournalDamage[];
  /** True when the text does not end with a line end. */
  readonly torn: boolean;
}

/** So much is held before what is needed no more is left out; then twice what was left. */
const first = { entries: 4096, bytes: 32 * 1024 * 1024 };
const lineEnd = 0x0a;

export class JournalReader {
  readonly #damage: JournalDamage[] = [];
  #entries: JournalEntry[] = [];
  #limits = first;
  #heldBytes = 0;
  #lines = 0;
  #number = 0;
  #rest: Buffer[] = [];

  push(bytes: Uint8Array): void {
    const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let start = 0;
    for (let end = chunk.indexOf(lineEnd); end >= 0; end = chunk.indexOf(lineEnd, start)) {
      this.#take(Buffer.concat([...this.#rest, chunk.subarray(start, end)]).toString('utf8'));
      this.#rest = [];
      start = end + 1;
    }
    if (start < chunk.length) this.#rest.push(Buffer.from(chunk.subarray(start)));
  }

  /** A last line without its end is whole when only that is missing, and torn otherwise. */
  end(): ReadJournal {
    const tail = Buffer.concat(this.#rest).toString('utf8');
    if (tail !== '' && !('damage' in decodeEntry(tail))) this.#take(tail);
    return { entries: this.#entries, lines: this.#number, damage: this.#damage, torn: tail !== '' };
  }

  #take(line: string): void {
    this.#lines += 1;
    const entry = decodeEntry(line);
    if ('damage' in entry) {
      this.#damage.push({ line: this.#lines, detail: entry.damage });
    } else if (this.#damage.length === 0 && entry.number !== this.#number + 1) {
      const detail = `entry ${entry.number} is not the one that follows`;
      this.#damage.push({ line: this.#lines, detail });
    } else this.#keep(entry, line.length);
  }

  #keep(entry: JournalEntry, bytes: number): void {
    this.#number += 1;
    this.#entries.push(entry);
    this.#heldBytes += bytes;
    if (this.#entries.length < this.#limits.entries && this.#heldBytes < this.#limits.bytes) return;
    this.#entries = condense(this.#entries);
    this.#heldBytes = this.#entries.reduce((sum, held) => sum + JSON.stringify(held).length, 0);
    this.#limits = {
      entries: Math.max(first.entries, 2 * this.#entries.length),
      bytes: Math.max(first.bytes, 2 * this.#heldBytes),
    };
  }
}
