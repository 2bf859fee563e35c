// Finds the uid that owns the other end of a TCP connection on this host, in the kernel's tables of sockets
// (/proc/net/tcp and tcp6). Netlink would return one row instead of all, and would load modules. Reading all
// rows takes a millisecond on a small host and 40 ms of a thread's time with 16,000 sockets. So one reading
// answers everyone who asked before it began, and the next one waits four times as long as it took. A socket
// that its process has closed has no inode and no owner: the kernel shows it as root's.
import { setTimeout as sleep } from 'node:timers/promises';
import { background } from '../../protocol/defect.ts';
import { hexOf, mapped, parseRow, rows, type SocketAddress, socketTables } from './socket-table.ts';

interface Question {
  /** As the tables have it: own end, other end. */
  readonly ends: readonly string[];
  readonly answer: (uid: number | undefined) => void;
}

const questionsLimit = 1024;
const restFactor = 4;
const longestRestMs = 1000;

export class SocketOwners {
  readonly #files: readonly string[];
  #questions: Question[] = [];
  #isReading = false;

  constructor(tables: readonly string[] = socketTables) {
    this.#files = tables;
  }

  /**
   * The uid that holds the socket at `own`, connected to `other`; undefined when there
   * is no such open connection.
   */
  ownerOf(own: SocketAddress, other: SocketAddress): Promise<number | undefined> {
    if (this.#questions.length >= questionsLimit) return Promise.resolve(undefined);
    return new Promise((answer) => {
      this.#questions.push({ ends: rowsOf(own, other), answer });
      if (!this.#isReading) background('table of sockets', this.#read());
    });
  }

  async #read(): Promise<void> {
    this.#isReading = true;
    while (this.#questions.length > 0) {
      const startedMs = performance.now();
      const asked = this.#questions.splice(0);
      const found = await readOwners(this.#files, new Set(asked.flatMap(({ ends }) => ends))).catch(
        () => new Map<string, number>(),
      );
      for (const { ends, answer } of asked) answer(found.get(ends.find((row) => found.has(row)) ?? ''));
      const tookMs = performance.now() - startedMs;
      await sleep(Math.min(longestRestMs, tookMs * restFactor), undefined, { ref: false });
    }
    this.#isReading = false;
  }
}

async function readOwners(paths: readonly string[], wanted: Set<string>): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for (const path of paths) {
    for await (const row of rows(path)) {
      const { ends, uid, inode } = parseRow(row);
      if (wanted.has(ends) && inode !== '0') found.set(ends, uid);
    }
  }
  return found;
}

/** A socket of IPv6 may hold a connection of IPv4. */
function rowsOf(own: SocketAddress, other: SocketAddress): string[] {
  const [a, b] = [hexOf(own), hexOf(other)];
  if (a === undefined || b === undefined) return [];
  return [`${a} ${b}`, `${mapped}${a} ${mapped}${b}`];
}
