// The spool keeps on the disk what the gateway has not acknowledged: written from the ring as it lies within
// 50 ms of being published (survives the end of the process), synced within 500 ms or 1 MiB (survives a power
// cut). The ring may then be written over. When that has happened, the records in between are the spool's:
// they are replayed as an epoch that is over, and the live records go on under a new one. A disk that fails
// costs the spool, never the telemetry.

import type { Logger } from 'pino';
import { background } from '../../../protocol/defect.ts';
import type { TelemetryChannel } from '../../../protocol/messages/session.ts';
import {
  batchFlag,
  batchHeaderBytes,
  batchLimitBytes,
  encodeBatchHeader,
} from '../../../protocol/telemetry/batch.ts';
import type { SpoolDisk } from '../../host/spool-files.ts';
import { isLater, type RingConsumer, type RingRun } from '../ring/consumer.ts';
import { unwrapSequence } from '../ring/sequence.ts';
import type { TimeBase } from '../time-base.ts';
import { Replay } from './replay.ts';
import { type Block, recordsFrom } from './segment.ts';
import { type SpoolLimits, SpoolStore } from './store.ts';

export interface SpoolOptions {
  readonly disk: SpoolDisk;
  readonly limits: SpoolLimits;
  readonly ring: RingConsumer;
  readonly channel: TelemetryChannel;
  readonly timeBase: TimeBase;
  readonly logger: Pick<Logger, 'info' | 'warn'>;
  /** Description batches for the head of a segment. */
  readonly describe: (epoch: number) => readonly (readonly Uint8Array[])[];
  /** More is written or synced: the ring may have room now. */
  readonly onProgress: () => void;
  readonly epoch: number;
  readonly writeDelayMs?: number;
  readonly syncDelayMs?: number;
  readonly replayBytesPerSecond?: number;
  readonly retryMs?: number;
  readonly idleMs?: number;
}

const defaults = {
  writeDelayMs: 50,
  syncDelayMs: 500,
  replayBytesPerSecond: 512 * 1024,
  retryMs: 10_000,
  idleMs: 1000,
};
const syncBytes = 1024 * 1024;
const acknowledgementTimeoutMs = 15_000;
const spooledFlags = batchFlag.replay | batchFlag.resumed;

export class Spool {
  /** Of this life's records: acknowledged by replay, and dropped. */
  acknowledgedRecords = 0;
  lostRecords = 0;
  failures = 0;
  readonly #options: SpoolOptions & typeof defaults;
  /**
   * Epochs of this life that were handed over, each with the first sequence that the
   * spool has still to deliver.
   */
  readonly #ownEpochs = new Map<number, number>();
  #store: SpoolStore | undefined;
  #replay: Replay | undefined;
  #epoch: number;
  #written: number;
  #writtenSequence: number;
  #hold: number | undefined;
  #acknowledgedSequence: number;
  #unsyncedBytes = 0;
  #isWriting = false;
  #isFailing = false;
  #writeTimer: NodeJS.Timeout | undefined;
  #syncTimer: NodeJS.Timeout | undefined;

  constructor(options: SpoolOptions) {
    this.#options = { ...defaults, ...options };
    this.#epoch = options.epoch;
    this.#written = options.ring.position('acknowledged');
    const { sequence, written, lost } = options.ring.account();
    this.#writtenSequence = (sequence - written - lost) >>> 0;
    this.#acknowledgedSequence = this.#writtenSequence;
  }

  /** Synced up to here; the ring may go so far when it needs the room. */
  get durablePosition(): number | undefined {
    return this.#store?.syncedTail?.ringEnd;
  }

  /** Bytes from here on are being written to the disk just now. */
  get holdPosition(): number | undefined {
    return this.#hold;
  }

  /** Everything that is published and not acknowledged is synced. */
  get isDurable(): boolean {
    const durable = this.durablePosition;
    return durable !== undefined && !isLater(this.#options.ring.position('published'), durable);
  }

  /** Nothing is left from earlier lives. */
  get isEmptied(): boolean {
    return this.#store !== undefined && this.#store.oldestEpoch(this.#epoch) === undefined;
  }

  get isWriting(): boolean {
    return this.#isWriting;
  }

  get sizeBytes(): number {
    return this.#store?.sizeBytes ?? 0;
  }

  /**
   * Recovers what is on the disk, then replays until the signal; at the end writes and syncs what is left.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { disk, limits, channel, replayBytesPerSecond, idleMs, logger } = this.#options;
    const store = await SpoolStore.open(disk, limits).catch((error: unknown) => this.#fail(error));
    if (store === undefined) return;
    if (store.damaged > 0)
      logger.warn(
        { files: store.damaged },
        'the spool is damaged in places; what is lost of it will be reported',
      );
    store.onLost = (epoch, records) => {
      if (epoch === this.#epoch || this.#ownEpochs.has(epoch)) this.lostRecords += records;
    };
    store.isInRing = ({ epoch, ringEnd }) =>
      epoch === this.#epoch && ringEnd !== undefined && isLater(ringEnd, this.#options.ring.position('free'));
    this.#store = store;
    this.published();
    const replay = new Replay({
      store,
      channel,
      bytesPerSecond: replayBytesPerSecond,
      idleMs,
      acknowledgementTimeoutMs,
      liveEpoch: () => this.#epoch,
      done: (block) => this.#replayed(block),
    });
    const saving = setInterval(() => {
      store.saveCursor().catch((error: unknown) => this.#fail(error));
    }, idleMs).unref();
    this.#replay = replay;
    await replay.run(signal);
    clearInterval(saving);
    clearTimeout(this.#writeTimer);
    clearTimeout(this.#syncTimer);
    await this.#write();
    await store.close(this.#epoch).catch((error: unknown) => this.#fail(error));
  }

  /** There is something new in the ring: if it is not acknowledged soon, it is written. */
  published(): void {
    if (this.#store === undefined || this.#writeTimer !== undefined) return;
    this.#writeTimer = setTimeout(() => {
      this.#writeTimer = undefined;
      background('spool', this.#write());
    }, this.#options.writeDelayMs).unref();
  }

  /** There is a new session. */
  resend(): void {
    this.#replay?.resend();
  }

  /** The gateway has the live epoch up to here. */
  acknowledged(nextSequence: number): void {
    this.#acknowledgedSequence = nextSequence;
    this.#store?.acknowledge(this.#epoch, nextSequence);
  }

  /**
   * The ring has lost records that are not acknowledged: all up to what is written is the spool's from now
   * on, and the live epoch is another. Not while a block is being written (`isWriting`).
   */
  handOver(newEpoch: number): { readonly position: number; readonly nextSequence: number } {
    this.#ownEpochs.set(this.#epoch, this.#acknowledgedSequence);
    this.#epoch = newEpoch;
    this.#acknowledgedSequence = this.#writtenSequence;
    return { position: this.#written, nextSequence: this.#writtenSequence };
  }

  async #write(): Promise<void> {
    const store = this.#store;
    if (this.#isWriting || store === undefined) return;
    this.#isWriting = true;
    try {
      for (let run = this.#nextRun(); run !== undefined; run = this.#nextRun())
        await this.#append(store, run);
      this.#syncSoon(store);
    } catch (error) {
      this.#fail(error);
      this.#stepBack(store);
      this.#writeTimer ??= setTimeout(() => {
        this.#writeTimer = undefined;
        background('spool', this.#write());
      }, this.#options.retryMs).unref();
    } finally {
      this.#hold = undefined;
      this.#isWriting = false;
      this.#options.onProgress();
    }
  }

  #nextRun(): RingRun | undefined {
    const acknowledged = this.#options.ring.position('acknowledged');
    if (isLater(acknowledged, this.#written)) {
      this.#written = acknowledged;
      this.#writtenSequence = this.#acknowledgedSequence;
    }
    return this.#options.ring.run(this.#written, batchLimitBytes - batchHeaderBytes);
  }

  async #append(store: SpoolStore, run: RingRun): Promise<void> {
    this.#hold = run.start;
    const epoch = this.#epoch;
    const firstSequence = unwrapSequence(run.firstSequence, this.#writtenSequence);
    const nextSequence = unwrapSequence(run.lastSequence, firstSequence) + 1;
    const timeBaseMs = this.#options.timeBase.of(run.firstDeltaMs);
    const fields = { epoch, firstSequence, count: run.count, timeBaseMs, flags: spooledFlags };
    const pieces = [encodeBatchHeader(fields, run.bytes), run.bytes];
    const block = { epoch, firstSequence, nextSequence, ringEnd: run.end, pieces };
    await store.append(block, () => this.#options.describe(epoch));
    this.#written = run.end;
    this.#writtenSequence = nextSequence;
    this.#hold = undefined;
    if (this.#isFailing) this.#options.logger.info({}, 'the spool works again');
    this.#isFailing = false;
    this.#unsyncedBytes += run.bytes.byteLength;
    if (this.#unsyncedBytes >= syncBytes) await this.#sync(store);
  }

  #syncSoon(store: SpoolStore): void {
    if (this.#unsyncedBytes === 0 || this.#syncTimer !== undefined) return;
    this.#syncTimer = setTimeout(() => {
      this.#syncTimer = undefined;
      this.#sync(store).catch((error: unknown) => {
        this.#fail(error);
        if (!this.#isWriting) this.#stepBack(store);
      });
    }, this.#options.syncDelayMs).unref();
  }

  /** After a failure less may be on the disk than was written: the ring still has it. */
  #stepBack(store: SpoolStore): void {
    const { ringEnd, nextSequence } = store.tail ?? {
      ringEnd: this.#options.ring.position('acknowledged'),
      nextSequence: this.#acknowledgedSequence,
    };
    if (!isLater(this.#written, ringEnd)) return;
    this.#written = ringEnd;
    this.#writtenSequence = nextSequence;
  }

  async #sync(store: SpoolStore): Promise<void> {
    this.#unsyncedBytes = 0;
    await store.sync();
    this.#options.onProgress();
  }

  #replayed(block: Block): void {
    const from = this.#ownEpochs.get(block.batch.epoch);
    if (from === undefined) return;
    this.acknowledgedRecords += recordsFrom(block.batch, from);
    this.#ownEpochs.set(block.batch.epoch, Math.max(from, block.batch.nextSequence));
  }

  #fail(error: unknown): undefined {
    this.failures += 1;
    // Said once, not at every attempt.
    if (!this.#isFailing) {
      this.#options.logger.warn({ err: error }, 'the spool failed; telemetry goes on from memory');
    }
    this.#isFailing = true;
    return undefined;
  }
}
