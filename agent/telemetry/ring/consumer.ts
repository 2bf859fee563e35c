// The reading end of a ring: one thread only. It walks whole records from any position that is not yet free,
// as runs of bytes that lie side by side, and moves the consumer's words. What may be freed, and when, is the
// caller's decision (shipper, spool).
import { recordClassCount, recordHeaderBytes } from '../../../protocol/telemetry/record.ts';
import { LatestWords } from './latest-words.ts';
import { accountLayout, accountWord, headerBytes, openRing, word } from './layout.ts';

/** A row of whole records as they lie in the ring; `bytes` is a view, valid until its range is freed. */
export interface RingRun {
  /** Positions; `start` is behind the padding that was skipped. */
  readonly start: number;
  readonly end: number;
  readonly bytes: Uint8Array;
  readonly count: number;
  /** Mod 2³². */
  readonly firstSequence: number;
  readonly lastSequence: number;
  /** Of the first record, mod 2³²; a run never crosses a wrap of Δms. */
  readonly firstDeltaMs: number;
}

/** Whether position `a` lies behind position `b` in the order of production. */
export function isLater(a: number, b: number): boolean {
  return ((a - b) | 0) > 0;
}

/** The producer's account at its last commit: sequence = written + lost, always. All mod 2³². */
export interface RingAccount {
  readonly position: number;
  readonly sequence: number;
  readonly written: number;
  readonly lost: number;
  readonly lostByClass: readonly number[];
}

/** Sees each record of one class while a run is walked: the shipper has to know the descriptions itself. */
export interface RecordVisitor {
  readonly recordClass: number;
  visit(schema: number, payload: Uint8Array): void;
}

export class RingConsumer {
  readonly epoch: number;
  readonly capacityBytes: number;
  readonly #words: Int32Array;
  readonly #account: LatestWords;
  readonly #row = new Int32Array(accountLayout.length);
  readonly #bytes: Uint8Array;
  readonly #int32: Int32Array;
  readonly #uint16: Uint16Array;
  readonly #visitor: RecordVisitor | undefined;

  constructor(memory: SharedArrayBuffer, visitor?: RecordVisitor) {
    const { words, capacityBytes, epoch } = openRing(memory);
    this.epoch = epoch;
    this.capacityBytes = capacityBytes;
    this.#visitor = visitor;
    this.#words = words;
    this.#account = new LatestWords(words, accountLayout);
    this.#bytes = new Uint8Array(memory, headerBytes, capacityBytes);
    this.#int32 = new Int32Array(memory, headerBytes, capacityBytes / 4);
    this.#uint16 = new Uint16Array(memory, headerBytes, capacityBytes / 2);
  }

  position(of: 'published' | 'free' | 'sent' | 'durable' | 'acknowledged'): number {
    if (of === 'published') return this.#account.at(accountWord.published);
    return Atomics.load(this.#words, word[of]);
  }

  move(which: 'free' | 'sent' | 'durable' | 'acknowledged', position: number): void {
    Atomics.store(this.#words, word[which], position);
  }

  /**
   * Whole records from `from` on, at most `limitBytes` (one record may exceed it);
   * undefined when there is none.
   */
  run(from: number, limitBytes: number, upTo = this.position('published')): RingRun | undefined {
    const visitClass = this.#visitor?.recordClass ?? -1;
    let start = from;
    if (start === upTo) return undefined;
    if ((this.#int32[this.#index(start) >> 2] ?? 0) < 0) start = this.#skipPadding(start);
    if (start === upTo) return undefined;
    const first = this.#index(start);
    const firstDelta = this.#int32[(first >> 2) + 3] ?? 0;
    let offset = first;
    let end = start;
    let count = 0;
    let lastSequence = 0;
    while (end !== upTo && offset < this.capacityBytes) {
      const length = this.#int32[offset >> 2] ?? 0;
      // Padding ends the run: the next record lies at the start of the data area.
      if (length < 0) break;
      if (length === 0) throw new Error(`ring: a record of length 0 at position ${end >>> 0}`);
      const isOver = offset + length - first > limitBytes || this.#deltaWraps(offset, firstDelta);
      if (isOver && count > 0) break;
      if (((this.#uint16[(offset >> 1) + 5] ?? 0) & 0xff) === visitClass) this.#visit(offset, length);
      lastSequence = this.#int32[(offset >> 2) + 1] ?? 0;
      count += 1;
      offset += length;
      end = (end + length) | 0;
    }
    return {
      start,
      end,
      bytes: this.#bytes.subarray(first, offset),
      count,
      firstSequence: (this.#int32[(first >> 2) + 1] ?? 0) >>> 0,
      lastSequence: lastSequence >>> 0,
      firstDeltaMs: firstDelta >>> 0,
    };
  }

  /**
   * Resolves when more than `seen` is published (at once when it already is). Keeps
   * no process alive by itself.
   */
  async published(seen: number): Promise<void> {
    Atomics.store(this.#words, word.waiting, 1);
    const { version } = this.#account;
    if (this.position('published') === seen) {
      const wait = Atomics.waitAsync(this.#words, word.accountVersion, version);
      if (wait.async) await wait.value;
    }
    Atomics.store(this.#words, word.waiting, 0);
  }

  /** Ends a sleep of `published` from this side. */
  wake(): void {
    Atomics.notify(this.#words, word.accountVersion);
  }

  /** The same for a consumer on a thread that may block; false when the time was over first. */
  publishedSync(seen: number, timeoutMs: number): boolean {
    Atomics.store(this.#words, word.waiting, 1);
    const { version } = this.#account;
    const isAwake =
      this.position('published') !== seen ||
      Atomics.wait(this.#words, word.accountVersion, version, timeoutMs) !== 'timed-out';
    Atomics.store(this.#words, word.waiting, 0);
    return isAwake;
  }

  /** The producer's account as one commit left it. */
  account(): RingAccount {
    this.#account.read(this.#row);
    const at = (index: number) => (this.#row[index] ?? 0) >>> 0;
    const lostByClass = Array.from({ length: recordClassCount }, (_, index) => at(accountWord.lost + index));
    return {
      position: this.#row[accountWord.published] ?? 0,
      sequence: at(accountWord.sequence),
      written: at(accountWord.written),
      lost: lostByClass.reduce((sum, count) => (sum + count) >>> 0, 0),
      lostByClass,
    };
  }

  #index(position: number): number {
    return position & (this.capacityBytes - 1);
  }

  #skipPadding(position: number): number {
    return (position - (this.#int32[this.#index(position) >> 2] ?? 0)) | 0;
  }

  #deltaWraps(offset: number, firstDelta: number): boolean {
    return (this.#int32[(offset >> 2) + 3] ?? 0) >>> 0 < firstDelta >>> 0;
  }

  #visit(offset: number, length: number): void {
    const payload = this.#bytes.subarray(offset + recordHeaderBytes, offset + length);
    this.#visitor?.visit(this.#uint16[(offset >> 1) + 4] ?? 0, payload);
  }
}
