// The segments on the disk as one queue: blocks are appended at the end (segment-writer.ts), and leave at the
// front when they are acknowledged, or when the cap is reached (then as a loss). All that it does, it does
// one thing after the other. A failure leaves the queue as it was before.
import { lossReason } from '../../../protocol/telemetry/record.ts';
import type { SpoolDisk } from '../../host/spool-files.ts';
import { CursorFile } from './cursor-file.ts';
import { Losses } from './losses.ts';
import { lengthOf } from './open-segment.ts';
import { recoverSpool } from './recovery.ts';
import { type Block, isDescription, type Segment, segmentFileName, segmentLimitBytes } from './segment.ts';
import { SegmentReader } from './segment-reader.ts';
import { type Append, SegmentWriter, type Tail } from './segment-writer.ts';

export interface SpoolLimits {
  /** All segments together; above it the oldest goes, with its loss recorded. */
  readonly capBytes: number;
  /** The file system keeps at least so much free. */
  readonly freeFloorBytes: number;
  readonly segmentBytes?: number;
}

/** An acknowledged segment that is still written to is only put away when it is worth it. */
const wornBytes = 1024 * 1024;
const freeCheckBytes = 1024 * 1024;

export class SpoolStore {
  /** Records that were dropped for want of room, as they go. */
  onLost: (epoch: number, records: number) => void = () => undefined;
  /**
   * Whether the ring still has records of a segment: then dropping it would lose nothing, and gain nothing.
   */
  isInRing: (segment: Segment) => boolean = () => false;
  readonly damaged: number;
  readonly losses: Losses;
  readonly #disk: SpoolDisk;
  readonly #limits: Required<SpoolLimits>;
  readonly #segments: Segment[];
  readonly #cursor: CursorFile;
  readonly #writer: SegmentWriter;
  readonly #reader: SegmentReader;
  #ordinal: number;
  #offset: number;
  /** Files of segments that were put away and that the disk did not let go. */
  readonly #remaining = new Set<string>();
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
    this.#cursor = new CursorFile(disk, recovered);
    this.losses = new Losses(recovered.cursor.losses);
    for (const loss of recovered.losses) this.losses.add(loss);
    this.#ordinal = recovered.cursor.ordinal;
    this.#offset = recovered.cursor.offset;
    this.damaged = recovered.damaged;
    this.#writer = new SegmentWriter({
      disk,
      segmentBytes: this.#limits.segmentBytes,
      lastOrdinal: Math.max(recovered.cursor.ordinal, recovered.segments.at(-1)?.ordinal ?? 0),
      begun: (segment) => this.#segments.push(segment),
    });
    this.#reader = new SegmentReader(disk, (segment) => this.#writer.fileOf(segment));
  }

  get tail(): Tail | undefined {
    return this.#writer.tail;
  }

  get syncedTail(): Tail | undefined {
    return this.#writer.syncedTail;
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
      try {
        this.#uncheckedBytes += await this.#writer.append(block, describe);
      } catch (error) {
        this.#uncheckedBytes = Number.POSITIVE_INFINITY;
        throw error;
      }
    });
  }

  sync(): Promise<void> {
    return this.#inTurn(() => this.#writer.sync());
  }

  acknowledge(epoch: number, nextSequence: number): void {
    this.#cursor.acknowledge(epoch, nextSequence);
  }

  /**
   * The oldest block that is not done. Blocks of the live epoch are the ring's
   * business as long as it is live.
   */
  next(liveEpoch: number): Promise<Block | undefined> {
    return this.#inTurn(async () => {
      for (;;) {
        const segment = this.#front();
        if (segment === undefined) return undefined;
        if (await this.#isDone(segment, liveEpoch)) continue;
        if (segment.epoch === liveEpoch) return undefined;
        const block = await this.#readAt(segment);
        if (block === undefined) continue;
        const acknowledged = this.#cursor.acknowledged(segment.epoch) ?? 0;
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
    this.#cursor.isDirty = true;
  }

  /** Epochs that blocks are still to be given of, the live one among them. */
  epochs(liveEpoch: number): ReadonlySet<number> {
    return new Set([liveEpoch, ...this.#segments.map(({ epoch }) => epoch)]);
  }

  saveCursor(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#cursor.isDirty) await this.#save();
      await this.#removeRemaining();
    });
  }

  /** Puts away what is done, and keeps the rest for the next life. */
  close(liveEpoch: number): Promise<void> {
    return this.#inTurn(async () => {
      await this.#writer.sync().catch(() => undefined);
      await this.#writer.close();
      for (let front = this.#front(); front !== undefined; front = this.#front()) {
        if (!(await this.#isDone(front, liveEpoch))) break;
      }
      await this.#reader.close();
      await this.#save();
      await this.#removeRemaining();
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
    const isOpen = this.#writer.isOpen(segment);
    const isAcknowledged = segment.nextSequence <= (this.#cursor.acknowledged(segment.epoch) ?? -1);
    const isLive = segment.epoch === liveEpoch;
    const isRead = !isLive && !isOpen && this.#offset >= segment.sizeBytes;
    if (!isRead && !(isAcknowledged && isLive)) return false;
    if (isOpen && segment.sizeBytes < Math.min(wornBytes, this.#limits.segmentBytes / 2)) return false;
    await this.#putAway(segment);
    return true;
  }

  /**
   * The cursor first, and synced, then the file: after a crash in between, recovery removes it. A cursor
   * that cannot be written keeps no file: it may be for want of the room that the file takes, and the
   * gateway knows what it has seen.
   */
  async #putAway(segment: Segment): Promise<void> {
    if (this.#writer.isOpen(segment)) await this.#writer.close();
    await this.#reader.close(segment);
    this.#segments.shift();
    this.#ordinal = this.#segments[0]?.ordinal ?? segment.ordinal + 1;
    this.#offset = 0;
    await this.#save().catch(() => undefined);
    const name = segmentFileName(segment);
    await this.#disk.remove(name).catch((error: unknown) => {
      this.#remaining.add(name);
      throw error;
    });
  }

  /**
   * What a read-only disk kept is tried again each second. One that stays, which was told already,
   * holds up none of the others.
   */
  async #removeRemaining(): Promise<void> {
    for (const name of this.#remaining) {
      await this.#disk.remove(name).then(
        () => this.#remaining.delete(name),
        () => undefined,
      );
    }
  }

  async #readAt(segment: Segment): Promise<Block | undefined> {
    const block = await this.#reader.blockAt(segment, this.#offset);
    if (block !== undefined && block !== 'damaged') return block;
    // Whole when it was written or recovered, and not any more: what is left of it is lost.
    if (block === 'damaged') this.#loseRest(segment, lossReason.spoolDamaged);
    if (this.#writer.isOpen(segment)) await this.#writer.close();
    segment.sizeBytes = Math.min(segment.sizeBytes, this.#offset);
    return undefined;
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
    if (this.#writer.isOpen(segment)) await this.#writer.close();
    const acknowledged = this.#cursor.acknowledged(segment.epoch) ?? 0;
    const records = await this.#reader.countFrom(segment, this.#offset, acknowledged);
    this.#loseRest(segment, lossReason.spoolCap, records);
    await this.#putAway(segment);
    return true;
  }

  /** From what is acknowledged to the end of the segment; `records` when they could be counted. */
  #loseRest(segment: Segment, reason: number, records?: number): void {
    const first = Math.max(segment.firstSequence, this.#cursor.acknowledged(segment.epoch) ?? 0);
    const count = segment.nextSequence - first;
    if (count <= 0) return;
    this.losses.add({ epoch: segment.epoch, first, count, reason });
    this.#cursor.isDirty = true;
    this.onLost(segment.epoch, records ?? count);
  }

  #save(): Promise<void> {
    const epochs = new Set([...this.#segments, ...this.losses.list].map(({ epoch }) => epoch));
    const place = { ordinal: this.#ordinal, offset: this.#offset, losses: this.losses.list };
    return this.#cursor.save(place, epochs);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(work);
    this.#queue = turn.catch(() => undefined);
    return turn;
  }
}
