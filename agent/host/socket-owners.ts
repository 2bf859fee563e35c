// Finds the uid that owns the other end of a TCP connection on this host, in the kernel's tables of sockets
// (/proc/net/tcp and tcp6). Netlink returns one row instead of all, and loads modules: it is asked where a
// table is so long that somebody seems to make it so. One reading answers everyone who asked before it began.
// The kernel hands out 4 KiB at a time, so a thread of the pool for each would cost five times what the
// reading does: it is read here, in slices with as much time between them (in each turn of the loop one
// connection is accepted), and only rows that name the end that was asked about are looked at. A socket that
// its process has closed has no inode and no owner: the kernel shows it as root's.
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { background } from '../../protocol/defect.ts';
import { type AskSocket, exactSocket } from './exact-socket.ts';
import {
  hexOf,
  mapped,
  newline,
  parseRow,
  pieces,
  type SocketAddress,
  socketTables,
} from './socket-table.ts';

export interface SocketHolder {
  readonly uid: number;
  readonly inode: string;
}

interface Question {
  readonly ends: readonly [SocketAddress, SocketAddress];
  /** As the tables have them: own end, other end. */
  readonly own: string;
  readonly other: string;
  readonly isWanted: () => boolean;
  readonly answer: (holder: SocketHolder | undefined) => void;
}

/** Of more than so many, those that nobody waits for any more are put away before the next reading too. */
const keptQuestions = 8192;
const restFactor = 2;
const longestRestMs = 100;
/** 50,000 sockets: of a longer table the rest is not read. Any user can fill it with sockets that listen. */
const longTableBytes = 8 * 1024 * 1024;

export class SocketOwners {
  readonly #files: readonly string[];
  readonly #exact: AskSocket;
  #questions: Question[] = [];
  #isReading = false;

  constructor(tables: readonly string[] = socketTables, exact: AskSocket = exactSocket()) {
    this.#files = tables;
    this.#exact = exact;
  }

  /** The uid of `holderOf`. */
  async ownerOf(
    own: SocketAddress,
    other: SocketAddress,
    isWanted?: () => boolean,
  ): Promise<number | undefined> {
    return (await this.holderOf(own, other, isWanted))?.uid;
  }

  /**
   * Whose the socket at `own` is that is connected to `other`; undefined when there is no such open
   * connection. A question that is not wanted any more is answered so as well.
   */
  holderOf(
    own: SocketAddress,
    other: SocketAddress,
    isWanted: () => boolean = () => true,
  ): Promise<SocketHolder | undefined> {
    return new Promise((answer) => {
      const [ownHex = '', otherHex = ''] = [hexOf(own), hexOf(other)];
      this.#questions.push({ ends: [own, other], own: ownHex, other: otherHex, isWanted, answer });
      if (this.#questions.length % keptQuestions === 0) this.#questions = stillWanted(this.#questions);
      if (!this.#isReading) background('table of sockets', this.#read());
    });
  }

  async #read(): Promise<void> {
    this.#isReading = true;
    while (this.#questions.length > 0) {
      // Whoever asks in the same turn is answered by the same reading.
      await turn();
      const startedMs = performance.now();
      const asked = stillWanted(this.#questions.splice(0));
      const found = await readOwners(this.#files, asked, this.#exact).catch(
        () => new Map<string, SocketHolder>(),
      );
      for (const { own, other, answer } of asked) answer(found.get(`${own} ${other}`));
      const tookMs = performance.now() - startedMs;
      await sleep(Math.min(longestRestMs, tookMs * restFactor), undefined, { ref: false });
    }
    this.#isReading = false;
  }
}

function stillWanted(questions: readonly Question[]): Question[] {
  const [kept, dropped] = [[], []] as [Question[], Question[]];
  for (const question of questions) (question.isWanted() ? kept : dropped).push(question);
  for (const { answer } of dropped) answer(undefined);
  return kept;
}

/** Of all connections to what was asked about, also those that nobody asked about. */
async function readOwners(
  paths: readonly string[],
  asked: readonly Question[],
  exact: AskSocket,
): Promise<ReadonlyMap<string, SocketHolder>> {
  const found = new Map<string, SocketHolder>();
  const others = [...new Set(asked.map(({ other }) => other))].filter((other) => other !== '');
  if (others.length === 0) return found;
  for (const path of paths) {
    let unreadBytes = longTableBytes;
    for await (const rows of pieces(path)) {
      for (const other of others) lookFor(rows, other, found);
      const isLong = unreadBytes > 0 && unreadBytes <= rows.length;
      unreadBytes -= rows.length;
      if (isLong && askExactly(asked, exact, found)) return found;
    }
  }
  return found;
}

/** False when the kernel knows none of them, not even by its other end, which is ours: then it can't say. */
function askExactly(asked: readonly Question[], exact: AskSocket, found: Map<string, SocketHolder>): boolean {
  let isAnswered = false;
  for (const { ends, own, other } of asked) {
    const socket = exact(...ends);
    if (socket !== undefined && socket.inode !== '0') found.set(`${own} ${other}`, socket);
    isAnswered ||= socket !== undefined || exact(ends[1], ends[0]) !== undefined;
  }
  return isAnswered;
}

/** Rows that name it, whether as their other end or as a part of it: the row itself tells. */
function lookFor(rows: Buffer, other: string, found: Map<string, SocketHolder>): void {
  const needle = Buffer.from(`${other} `);
  for (let at = rows.indexOf(needle); at >= 0; at = rows.indexOf(needle, at + 1)) {
    const begin = rows.lastIndexOf(newline, at) + 1;
    const end = rows.indexOf(newline, at);
    const { ends, uid, inode } = parseRow(rows.toString('latin1', begin, end < 0 ? rows.length : end));
    // A socket of IPv6 may hold a connection of IPv4.
    const plain = ends.replaceAll(mapped, '');
    if (plain.endsWith(` ${other}`) && inode !== '0') found.set(plain, { uid, inode });
  }
}
