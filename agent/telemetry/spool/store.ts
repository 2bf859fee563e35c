// The segments on the disk as one queue: blocks are appended at the end, and leave at the front when they are acknowledged, or when the cap is
// reached (then as a loss). All that it does, it does one thing after the other. A failure leaves the queue as it was before.
import { lossReason } from '../../../protocol/telemetry/record.ts';
import { cursorFileName, cursorListLimit, encodeSlot, slotBytes } from './cursor.ts';
import type { SpoolDisk, SpoolFile } from './disk.ts';
import { Losses } from './losses.ts';
import { lengthOf, OpenSegment } from './open-segment.ts';
import { recoverSpool } from './recovery.ts';
import {
  type Block,
  isDescription,
  readBlock,
  recordsFrom,
  type Segment,
  segmentFileName,
  segmentLimitBytes,
} from './segment.ts';

export interface SpoolLimits {
  /** All segments together; above it the oldest goes, with its loss recorded. */
  readonly capBytes: number;
  /** The file system keeps at least so much free. */
  readonly freeFloorBytes: number;
  readonly segmentBytes?: number;
}

export interface Append {
  readonly epoch: number;
  readonly firstSequence: number;
  readonly nextSequence: number;
  readonly ringEnd: number;
  readonly pieces: readonly Uint8Array[];
}

/** Where the last block ends, in the ring and in the sequence. */
export interface Tail {
  readonly ringEnd: number;
  readonly nextSequence: number;
}

/** An acknowledged segment that is still written to is only put away when it is worth it. */
const wornBytes = 1024 * 1024;
const freeCheckBytes = 1024 * 1024;

export class SpoolStore {
  /** Records that were dropped for want of room, as they go. */
  onLost: (epoch: number, records: number) => void = () => undefined;
  /** Whether the ring still has records of a segment: then dropping it would lose nothing, and gain nothing. */
  isInRing: (segment: Segment) => boolean = () => false;
  /** What this process has written, and how much of it is synced. After a failure less may be written than before. */
  tail: Tail | undefined;
  syncedTail: Tail | undefined;
  readonly damaged: number;
  readonly #disk: SpoolDisk;
  readonly #limits: Required<SpoolLimits>;
  readonly #segments: Segment[];
  readonly #acknowledged: Map<number, number>;
  readonly losses: Losses;
  #open: OpenSegment | undefined;
  #reading: { readonly ordinal: number; readonly file: SpoolFile } | undefined;
  #ordinal: number;
  #offset: number;
  #lastOrdinal: number;
  #generation: number;
  #isDirty = false;
  #uncheckedBytes = Number.POSITIVE_INFINITY;
  #isReplaying = false;
  #queue: Promise<unknown> = Promise.resolve();

  static async open(disk: SpoolDisk, limits: SpoolLimits): Promise<SpoolStore> {
    const store = new SpoolStore(disk, limits, await recoverSpool(disk));
    // The cursor's file gets its room while there is some: a full disk must still be able to let segments go.
    await store.#save().catch(() => undefined);
    return store;
  }

  private constructor(
    disk: SpoolDisk,
    limits: SpoolLimits,
    recovered: Awaited<ReturnType<typeof recoverSpool>>,
  ) {
    this.#disk = disk;
    this.#limits = { segmentBytes: segmentLimitBytes, ...limits };
    this.#segments = recovered.segments;
    this.#acknowledged = new Map(recovered.cursor.acknowledged);
    this.losses = new Losses(recovered.cursor.losses);
    for (const loss of recovered.losses) this.losses.add(loss);
    this.#ordinal = recovered.cursor.ordinal;
    this.#offset = recovered.cursor.offset;
    this.#generation = recovered.generation;
    this.#lastOrdinal = Math.max(recovered.cursor.ordinal, recovered.segments.at(-1)?.ordinal ?? 0);
    this.damaged = recovered.damaged;
  }

  get sizeBytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.sizeBytes, 0);
  }

  /** The oldest epoch beside the live one that has still something to replay or to tell. */
  oldestEpoch(liveEpoch: number): number | undefined {
    return [...this.#segments, ...this.losses.list].find(({ epoch }) => epoch !== liveEpoch)?.epoch;
  }

  /** Writes one block; `describe` gives the blocks that a new segment begins with. */
  append(block: Append, describe: () => readonly (readonly Uint8Array[])[]): Promise<void> {
    return this.#inTurn(async () => {
      await this.#makeRoom(lengthOf(block.pieces));
      const open = await this.#writable(block, describe);
      await this.#appendTo(open, block.pieces);
      open.segment.nextSequence = block.nextSequence;
      open.segment.ringEnd = block.ringEnd;
      this.tail = { ringEnd: block.ringEnd, nextSequence: block.nextSequence };
    });
  }

  sync(): Promise<void> {
    return this.#inTurn(() => this.#syncOpen());
  }

  acknowledge(epoch: number, nextSequence: number): void {
    if ((this.#acknowledged.get(epoch) ?? -1) >= nextSequence) return;
    this.#acknowledged.set(epoch, nextSequence);
    this.#isDirty = true;
  }

  /** The oldest block that is not done. Blocks of the live epoch are the ring's business as long as it is live. */
  next(liveEpoch: number): Promise<Block | undefined> {
    return this.#inTurn(async () => {
      for (;;) {
        const segment = this.#front();
        if (segment === undefined) return undefined;
        if (await this.#isDone(segment, liveEpoch)) continue;
        if (segment.epoch === liveEpoch) return undefined;
        const block = await this.#readAt(segment);
        if (block === undefined) continue;
        const acknowledged = this.#acknowledged.get(segment.epoch) ?? 0;
        if (isDescription(block.batch) || block.batch.nextSequence > acknowledged) {
          this.#isReplaying = true;
          return block;
        }
        this.#offset = block.endOffset;
      }
    });
  }

  /** The block that `next` gave is done with; or is to be given again. */
  finish(block: Block, isDone: boolean): void {
    this.#isReplaying = false;
    if (!isDone) return;
    this.#offset = block.endOffset;
    this.#isDirty = true;
  }

  /** Epochs that blocks are still to be given of, the live one among them. */
  epochs(liveEpoch: number): ReadonlySet<number> {
    return new Set([liveEpoch, ...this.#segments.map(({ epoch }) => epoch)]);
  }

  saveCursor(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#isDirty) await this.#save();
    });
  }

  /** Puts away what is done, and keeps the rest for the next life. */
  close(liveEpoch: number): Promise<void> {
    return this.#inTurn(async () => {
      await this.#syncOpen().catch(() => undefined);
      await this.#closeOpen();
      for (let front = this.#front(); front !== undefined; front = this.#front()) {
        if (!(await this.#isDone(front, liveEpoch))) break;
      }
      await this.#closeReading();
      await this.#save();
    });
  }

  #front(): Segment | undefined {
    const segment = this.#segments[0];
    if (segment !== undefined && segment.ordinal !== this.#ordinal) {
      this.#ordinal = segment.ordinal;
      this.#offset = 0;
    }
    return segment;
  }

  /** Puts the front segment away when all of it is done; true when it did. */
  async #isDone(segment: Segment, liveEpoch: number): Promise<boolean> {
    const isOpen = this.#open?.segment === segment;
    const isAcknowledged = segment.nextSequence <= (this.#acknowledged.get(segment.epoch) ?? -1);
    const isLive = segment.epoch === liveEpoch;
    const isRead = !isLive && !isOpen && this.#offset >= segment.sizeBytes;
    if (!isRead && !(isAcknowledged && isLive)) return false;
    if (isOpen && segment.sizeBytes < Math.min(wornBytes, this.#limits.segmentBytes / 2)) return false;
    await this.#putAway(segment);
    return true;
  }

  /**
   * The cursor first, and synced, then the file: after a crash in between, recovery removes it. A cursor that cannot be
   * written keeps no file: it may be for want of the room that the file takes, and the gateway knows what it has seen.
   */
  async #putAway(segment: Segment): Promise<void> {
    if (this.#open?.segment === segment) await this.#closeOpen();
    if (this.#reading?.ordinal === segment.ordinal) await this.#closeReading();
    this.#segments.shift();
    this.#ordinal = this.#segments[0]?.ordinal ?? segment.ordinal + 1;
    this.#offset = 0;
    await this.#save().catch(() => undefined);
    await this.#disk.remove(segmentFileName(segment));
  }

  async #readAt(segment: Segment): Promise<Block | undefined> {
    const file = await this.#readable(segment);
    const block = this.#offset >= segment.sizeBytes ? undefined : await readBlock(file, this.#offset);
    if (block !== undefined && block !== 'damaged') return block;
    // Whole when it was written or recovered, and not any more: what is left of it is lost.
    if (block === 'damaged') this.#loseRest(segment, lossReason.spoolDamaged);
    if (this.#open?.segment === segment) await this.#closeOpen();
    segment.sizeBytes = Math.min(segment.sizeBytes, this.#offset);
    return undefined;
  }

  async #readable(segment: Segment): Promise<SpoolFile> {
    if (this.#open?.segment === segment) return this.#open.file;
    if (this.#reading?.ordinal !== segment.ordinal) {
      await this.#closeReading();
      const file = await this.#disk.open(segmentFileName(segment));
      this.#reading = { ordinal: segment.ordinal, file };
    }
    return this.#reading?.file as SpoolFile;
  }

  async #writable(
    { epoch, firstSequence }: Append,
    describe: () => readonly (readonly Uint8Array[])[],
  ): Promise<OpenSegment> {
    const last = this.#open;
    const isFit = last?.segment.epoch === epoch && last.segment.sizeBytes < this.#limits.segmentBytes;
    if (last !== undefined && isFit) return last;
    await this.#syncOpen();
    await this.#closeOpen();
    const ordinal = this.#lastOrdinal + 1;
    const segment: Segment = { ordinal, epoch, firstSequence, nextSequence: firstSequence, sizeBytes: 0 };
    this.#lastOrdinal = ordinal;
    const open = new OpenSegment(segment, await this.#disk.create(segmentFileName(segment)));
    this.#open = open;
    this.#segments.push(segment);
    for (const pieces of describe()) await this.#appendTo(open, pieces);
    return open;
  }

  async #appendTo(open: OpenSegment, pieces: readonly Uint8Array[]): Promise<void> {
    try {
      await open.append(pieces);
      this.#uncheckedBytes += lengthOf(pieces);
    } catch (error) {
      await this.#syncOpen().catch(() => undefined);
      await this.#closeOpen();
      this.#uncheckedBytes = Number.POSITIVE_INFINITY;
      throw error;
    }
  }

  async #syncOpen(): Promise<void> {
    const error = await this.#open?.sync();
    if (error === undefined) {
      this.syncedTail = this.tail;
      return;
    }
    this.tail = this.syncedTail;
    await this.#closeOpen();
    throw error;
  }

  async #makeRoom(bytes: number): Promise<void> {
    while (this.sizeBytes + bytes > this.#limits.capBytes && (await this.#dropOldest()));
    if (this.#uncheckedBytes < Math.min(freeCheckBytes, this.#limits.segmentBytes / 2)) return;
    while ((await this.#disk.freeBytes()) - bytes < this.#limits.freeFloorBytes) {
      if (!(await this.#dropOldest())) throw new Error('the disk has no room to spare');
    }
    this.#uncheckedBytes = 0;
  }

  /** False when there is nothing that may go: a block that is on its way just now is not lost. */
  async #dropOldest(): Promise<boolean> {
    const segment = this.#front();
    if (segment === undefined || this.#isReplaying || this.isInRing(segment)) return false;
    if (this.#open?.segment === segment) await this.#closeOpen();
    this.#loseRest(segment, lossReason.spoolCap, await this.#countRest(segment));
    await this.#putAway(segment);
    return true;
  }

  /** Records of a segment that are not done. */
  async #countRest(segment: Segment): Promise<number> {
    const acknowledged = this.#acknowledged.get(segment.epoch) ?? 0;
    const file = await this.#readable(segment);
    let count = 0;
    for (let offset = this.#offset; offset < segment.sizeBytes; ) {
      const block = await readBlock(file, offset);
      if (block === undefined || block === 'damaged') break;
      if (!isDescription(block.batch)) count += recordsFrom(block.batch, acknowledged);
      offset = block.endOffset;
    }
    return count;
  }

  /** From what is acknowledged to the end of the segment; `records` when they could be counted. */
  #loseRest(segment: Segment, reason: number, records?: number): void {
    const first = Math.max(segment.firstSequence, this.#acknowledged.get(segment.epoch) ?? 0);
    const count = segment.nextSequence - first;
    if (count <= 0) return;
    this.losses.add({ epoch: segment.epoch, first, count, reason });
    this.#isDirty = true;
    this.onLost(segment.epoch, records ?? count);
  }

  async #save(): Promise<void> {
    const generation = this.#generation + 1;
    const epochs = new Set([...this.#segments, ...this.losses.list].map(({ epoch }) => epoch));
    const cursor = {
      ordinal: this.#ordinal,
      offset: this.#offset,
      acknowledged: [...this.#acknowledged].filter(([epoch]) => epochs.has(epoch)).slice(-cursorListLimit),
      losses: this.losses.list,
    };
    await this.#disk.overwrite(cursorFileName, (generation % 2) * slotBytes, encodeSlot(generation, cursor));
    this.#generation = generation;
    this.#isDirty = false;
  }

  async #closeOpen(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    await open?.close();
  }

  async #closeReading(): Promise<void> {
    const reading = this.#reading;
    this.#reading = undefined;
    await reading?.file.close().catch(() => undefined);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(work);
    this.#queue = turn.catch(() => undefined);
    return turn;
  }
}
