// Where everything lies in a ring's SharedArrayBuffer. A header of words, each group on a 128-byte line of
// its own (two cache lines: the neighbour that the prefetcher pulls in counts too), so that producer and
// consumer never write to the same line; then the data area, a power of two.
//
// Positions are byte counts mod 2³², compared as `(a - b) | 0`; `position & (capacity - 1)` is the place in
// the data area. Always, in this order: free ≤ acknowledged and durable ≤ sent ≤ published, published - free
// ≤ capacity (`sent` steps back after a reconnect, never below `acknowledged`).
//
// Memory order: record bytes are written with plain stores, then the account's version with Atomics.store;
// whoever has read the version with Atomics.load sees the bytes. The other way round, the consumer stores
// `free` when it needs the bytes no more, and the producer loads it before it writes over them.
//
// A producer may die at any store. What it has published, spent and lost changes by one store, that of the
// version; what it began behind that is found by `begun`, and the next producer counts it as lost.
import { recordClassCount } from '../../../protocol/telemetry/record.ts';
import type { LatestLayout } from './latest-words.ts';

const lineWords = 32;

/** Index of each word in the header, in units of 4 bytes. */
export const word = {
  // Line 0: written once, by createRing.
  magic: 0,
  version: 1,
  capacityBytes: 2,
  epochLow: 3,
  epochHigh: 4,
  /** Producer: version of the account. The consumer sleeps on this word. */
  accountVersion: lineWords,
  /** Producer: the account twice, each copy on 64 bytes of its own (`accountWord`). */
  accountEven: 2 * lineWords,
  accountOdd: 2 * lineWords + lineWords / 2,
  /** Consumer: below this the producer may write again. */
  free: 3 * lineWords,
  /** Consumer: end of what was handed to the socket. */
  sent: 4 * lineWords,
  /** Consumer: end of what is synced to the spool. */
  durable: 5 * lineWords,
  /** Consumer: end of what the gateway has acknowledged. */
  acknowledged: 6 * lineWords,
  /** Consumer: 1 while it sleeps. */
  waiting: 7 * lineWords,
  /** Producer: the sequence behind the last record that was begun, published or not. */
  begun: 8 * lineWords,
} as const;

/** Index of each word in a copy of the account. */
export const accountWord = {
  /** End of what the consumer may read. */
  published: 0,
  /** The next one; all before it are written or lost. */
  sequence: 1,
  written: 2,
  /** The last so many sequences are lost, and no LOSS record says so yet. */
  unreported: 3,
  unreportedReason: 4,
  /** Per class, 8 words. */
  lost: 5,
} as const;

export const accountLayout: LatestLayout = {
  version: word.accountVersion,
  copies: [word.accountEven, word.accountOdd],
  length: accountWord.lost + recordClassCount,
};

export const headerBytes = 9 * lineWords * 4;
const ringMagic = 0x52_4e_47_31;
const ringVersion = 2;
export const capacityLimitBytes = 2 ** 30;
/** A LOSS record must always find room, and no record may be longer than half the capacity. */
const capacityFloorBytes = 128;

export interface RingOptions {
  /** Power of two, 128 to 2³⁰. */
  readonly capacityBytes: number;
  /** Names this ring's life to the gateway; a safe integer, never used twice by a node. */
  readonly epoch: number;
  /** Where positions and sequences begin; tests start just below 2³². The position is a multiple of 8. */
  readonly startPosition?: number;
  readonly startSequence?: number;
}

/** Memory for one producer and one consumer, all empty. */
export function createRing(options: RingOptions): SharedArrayBuffer {
  const { capacityBytes, epoch, startPosition = 0, startSequence = 0 } = options;
  const isPower = capacityBytes > 0 && (capacityBytes & (capacityBytes - 1)) === 0;
  if (!isPower || capacityBytes < capacityFloorBytes || capacityBytes > capacityLimitBytes) {
    throw new RangeError(`ring capacity must be a power of two from 128 to 2^30, not ${capacityBytes}`);
  }
  if (!Number.isSafeInteger(epoch) || epoch < 0)
    throw new RangeError(`ring epoch ${epoch} is no safe integer`);
  if ((startPosition & 7) !== 0) throw new RangeError(`ring position ${startPosition} is no multiple of 8`);
  const memory = new SharedArrayBuffer(headerBytes + capacityBytes);
  const words = new Int32Array(memory, 0, headerBytes / 4);
  words[word.version] = ringVersion;
  words[word.capacityBytes] = capacityBytes;
  words[word.epochLow] = (epoch % 0x1_0000_0000) | 0;
  words[word.epochHigh] = Math.floor(epoch / 0x1_0000_0000) | 0;
  words[word.begun] = startSequence | 0;
  words[word.accountEven + accountWord.sequence] = startSequence | 0;
  words[word.accountEven + accountWord.published] = startPosition | 0;
  for (const position of ['free', 'sent', 'durable', 'acknowledged'] as const) {
    words[word[position]] = startPosition | 0;
  }
  Atomics.store(words, word.magic, ringMagic);
  return memory;
}

/** The views of one side onto a ring's memory, after checking that it is one. */
export function openRing(memory: SharedArrayBuffer): {
  words: Int32Array;
  capacityBytes: number;
  epoch: number;
} {
  const words = new Int32Array(memory, 0, headerBytes / 4);
  const capacityBytes = words[word.capacityBytes] ?? 0;
  if (Atomics.load(words, word.magic) !== ringMagic || words[word.version] !== ringVersion) {
    throw new Error('this memory holds no ring of this version');
  }
  const low = (words[word.epochLow] ?? 0) >>> 0;
  const high = (words[word.epochHigh] ?? 0) >>> 0;
  return { words, capacityBytes, epoch: high * 0x1_0000_0000 + low };
}
