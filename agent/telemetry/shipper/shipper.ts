// Carries the ring to the tunnel: waits until something is published, hands whole runs of records as they lie to the channel, takes
// acknowledgements, and frees the ring. It copies no record. Two things always hold: nothing is freed before the gateway has
// acknowledged it and the tunnel has let go of its bytes; and produced = acknowledged + pending + lost.
import type { TelemetryChannel } from '../../../protocol/session.ts';
import { type Acknowledgement, decodeAcknowledgement } from '../../../protocol/telemetry/acknowledgement.ts';
import {
  batchFlag,
  batchHeaderBytes,
  batchLimitBytes,
  encodeBatchHeader,
} from '../../../protocol/telemetry/batch.ts';
import { isLater, RingConsumer, type RingRun } from '../ring/consumer.ts';
import { unwrapSequence } from '../ring/sequence.ts';
import type { Spool, SpoolOptions } from '../spool/spool.ts';
import { TimeBase, type WallAndMonotonic } from '../time-base.ts';
import { Counter32 } from './counter32.ts';
import { Descriptions } from './descriptions.ts';
import { Flights } from './flights.ts';

export interface ShipperOptions {
  readonly memory: SharedArrayBuffer;
  readonly channel: TelemetryChannel;
  readonly clock: WallAndMonotonic;
  /** The monotonic time at which the ring's Δms are 0. */
  readonly startMs: number;
  /** A new name for the live records, when those before are the spool's; rises. */
  readonly newEpoch?: () => number;
  /** Made once the ring is open; without it a full ring loses records. */
  readonly spool?: (parts: SpoolParts) => ShipperSpool | undefined;
  /** Unacknowledged bytes on the way at a time. Default 1 MiB. */
  readonly windowBytes?: number;
  /** Sent and released, but not acknowledged for so long: sent again. Default 15 000. */
  readonly acknowledgementTimeoutMs?: number;
  /** How long to leave a channel alone that took nothing. Default 250. */
  readonly retryMs?: number;
}

/** What the spool gets from the shipper. */
export type SpoolParts = Pick<SpoolOptions, 'ring' | 'timeBase' | 'describe' | 'onProgress' | 'epoch'>;

/** What the shipper needs of the spool. */
export type ShipperSpool = Pick<
  Spool,
  | 'durablePosition'
  | 'holdPosition'
  | 'isWriting'
  | 'acknowledgedRecords'
  | 'lostRecords'
  | 'published'
  | 'acknowledged'
  | 'handOver'
  | 'resend'
>;

/** In records; produced = acknowledged + pending + lost. */
export interface TelemetryAccount {
  readonly produced: number;
  readonly acknowledged: number;
  readonly pending: number;
  readonly lost: number;
}

const defaults = { windowBytes: 1 << 20, acknowledgementTimeoutMs: 15_000, retryMs: 250 };
const rewindPauseMs = 1000;

export class Shipper {
  readonly #ring: RingConsumer;
  readonly #options: ShipperOptions & typeof defaults;
  readonly #timeBase: TimeBase;
  readonly #spool: ShipperSpool | undefined;
  readonly #descriptions = new Descriptions();
  readonly #flights = new Flights();
  readonly #written = new Counter32();
  readonly #lost = new Counter32();
  #epoch: number;
  #next: number;
  #nextSequence: number;
  #acknowledgedRecords = 0;
  #mustDescribe = true;
  #isResumed = true;
  #rewoundAtMs = Number.NEGATIVE_INFINITY;
  #retry: NodeJS.Timeout | undefined;
  #watchdog: NodeJS.Timeout | undefined;
  /** The channel took nothing more, but lets go of something soon. */
  #isFull = false;
  #isStopped = false;
  /** Batches sent more than once began at one of these. */
  rewinds = 0;

  constructor(options: ShipperOptions) {
    this.#options = { ...defaults, ...options };
    this.#ring = new RingConsumer(options.memory, this.#descriptions);
    this.#epoch = this.#ring.epoch;
    this.#timeBase = new TimeBase(options.clock, options.startMs);
    this.#next = this.#ring.position('acknowledged');
    const account = this.#ring.account();
    this.#nextSequence = (account.sequence - account.written - account.lost) >>> 0;
    this.#spool = options.spool?.({
      ring: this.#ring,
      timeBase: this.#timeBase,
      epoch: this.#epoch,
      describe: (epoch) => this.#descriptions.batches(epoch, batchFlag.replay),
      onProgress: () => {
        this.#free();
        this.#pump();
      },
    });
    options.channel.onAcknowledgement((payload) => this.#onAcknowledgement(decodeAcknowledgement(payload)));
  }

  /** Ships until the signal says stop. */
  async run(signal: AbortSignal): Promise<void> {
    const stop = () => this.#stop();
    signal.addEventListener('abort', stop, { once: true });
    while (!signal.aborted) {
      const seen = this.#ring.position('published');
      this.#pump();
      this.#spool?.published();
      await this.#ring.published(seen);
    }
  }

  /** After a new session: all descriptions, then everything that is not acknowledged, again. */
  resend(): void {
    this.#spool?.resend();
    this.#sendAgain();
  }

  account(): TelemetryAccount {
    const { written, lost } = this.#ring.account();
    const all = this.#written.advance(written);
    const gone = this.#lost.advance(lost);
    const dropped = this.#spool?.lostRecords ?? 0;
    const acknowledged = this.#acknowledgedRecords + (this.#spool?.acknowledgedRecords ?? 0);
    return {
      produced: all + gone,
      acknowledged,
      pending: all - acknowledged - dropped,
      lost: gone + dropped,
    };
  }

  #pump(): void {
    if (this.#isStopped || this.#retry !== undefined) return;
    const isGivenUp = isLater(this.#ring.position('free'), this.#next);
    if (isGivenUp && this.#spool !== undefined && !this.#handOver(this.#spool)) return;
    if (this.#mustDescribe && !this.#describe(this.#epoch)) {
      this.#retryAfter(this.#options.retryMs);
      return;
    }
    while (this.#flights.inFlightBytes < this.#options.windowBytes) {
      const run = this.#ring.run(this.#next, batchLimitBytes - batchHeaderBytes);
      if (run === undefined) break;
      if (!this.#send(run)) {
        this.#isFull = this.#flights.oldest !== undefined;
        this.#retryAfter(this.#options.retryMs);
        return;
      }
    }
    this.#watch();
  }

  #describe(epoch: number): boolean {
    for (const pieces of this.#descriptions.batches(epoch)) {
      if (!this.#options.channel.sendBatch(pieces, () => undefined)) return false;
    }
    this.#mustDescribe = false;
    return true;
  }

  #send(run: RingRun): boolean {
    const firstSequence = unwrapSequence(run.firstSequence, this.#nextSequence);
    const nextSequence = unwrapSequence(run.lastSequence, firstSequence) + 1;
    const header = encodeBatchHeader(
      {
        epoch: this.#epoch,
        firstSequence,
        count: run.count,
        timeBaseMs: this.#timeBase.of(run.firstDeltaMs),
        flags: this.#isResumed ? batchFlag.resumed : 0,
      },
      run.bytes,
    );
    const flight = {
      start: run.start,
      end: run.end,
      firstSequence,
      nextSequence,
      count: run.count,
      departedAtMs: this.#options.clock.monotonicMs(),
      released: false,
    };
    const taken = this.#options.channel.sendBatch([header, run.bytes], (error) => {
      flight.released = true;
      this.#free();
      // A socket says null, not undefined, when all is well.
      if (error) this.#retryAfter(this.#options.retryMs, true);
      else if (this.#isFull) this.#goOn();
    });
    if (!taken) return false;
    this.#flights.add(flight);
    this.#next = run.end;
    this.#nextSequence = nextSequence;
    this.#isResumed = false;
    this.#ring.move('sent', run.end);
    return true;
  }

  #onAcknowledgement(acknowledgement: Acknowledgement | undefined): void {
    if (acknowledgement === undefined || acknowledgement.epoch !== this.#epoch) return;
    for (const flight of this.#flights.acknowledge(acknowledgement.nextSequence)) {
      this.#acknowledgedRecords += flight.count;
      this.#ring.move('acknowledged', flight.end);
      this.#spool?.acknowledged(flight.nextSequence);
    }
    this.#free();
    if (acknowledgement.verdict === 'accepted') this.#pump();
    else this.#stepBack(acknowledgement);
  }

  /** Every batch behind a refused one is answered alike: one step back is enough for all of them. */
  #stepBack({ verdict, waitMs }: Acknowledgement): void {
    if (verdict === 'wait') this.#retryAfter(waitMs, true);
    else if (this.#options.clock.monotonicMs() - this.#rewoundAtMs >= rewindPauseMs) this.#sendAgain();
  }

  #sendAgain(): void {
    this.#rewind();
    this.#goOn();
  }

  #rewind(): void {
    this.#rewoundAtMs = this.#options.clock.monotonicMs();
    this.rewinds += 1;
    const oldest = this.#flights.oldest;
    if (oldest !== undefined) {
      this.#next = this.#ring.position('acknowledged');
      this.#nextSequence = oldest.firstSequence;
      this.#flights.giveUp();
      this.#ring.move('sent', this.#next);
    }
    this.#mustDescribe = true;
    this.#isResumed = true;
  }

  /**
   * Up to what is acknowledged; when more than half the ring is in use, up to what is synced to the spool. Never beyond bytes
   * that the socket or the disk may still read.
   */
  #free(): void {
    const acknowledged = this.#ring.position('acknowledged');
    const durable = this.#spool?.durablePosition ?? acknowledged;
    const used = (this.#ring.position('published') - acknowledged) | 0;
    const isTight = used > this.#ring.capacityBytes / 2;
    let limit = isTight && isLater(durable, acknowledged) ? durable : acknowledged;
    const hold = this.#spool?.holdPosition;
    if (hold !== undefined && isLater(limit, hold)) limit = hold;
    limit = this.#flights.freeBelow(limit);
    if (isLater(limit, this.#ring.position('free'))) this.#ring.move('free', limit);
  }

  /**
   * The ring has given up what comes next: those records are the spool's, live goes on behind them in a new epoch. Only
   * once there is a session that takes its descriptions: a link that stays cut must not make an epoch of every lap.
   */
  #handOver(spool: ShipperSpool): boolean {
    if (spool.isWriting) return false;
    const epoch = this.#options.newEpoch?.() ?? this.#epoch + 1;
    if (!this.#describe(epoch)) {
      this.#retryAfter(this.#options.retryMs);
      return false;
    }
    const start = spool.handOver(epoch);
    this.#flights.giveUp();
    this.#epoch = epoch;
    this.#next = start.position;
    this.#nextSequence = start.nextSequence;
    this.#isResumed = true;
    this.#ring.move('acknowledged', start.position);
    this.#ring.move('sent', start.position);
    return true;
  }

  /** Leaves the channel alone for a while, then goes on, or from the acknowledged position when `again` is set. */
  #retryAfter(milliseconds: number, again = false): void {
    if (this.#isStopped) return;
    if (this.#retry !== undefined) {
      if (!again) return;
      clearTimeout(this.#retry);
    }
    this.#isFull &&= !again;
    this.#retry = setTimeout(() => {
      if (again) this.#sendAgain();
      else this.#goOn();
    }, milliseconds).unref();
  }

  /** Ends a pause before its time or at its end. */
  #goOn(): void {
    if (this.#retry !== undefined) clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#isFull = false;
    this.#pump();
  }

  /** A batch that left this process and is not acknowledged in time is sent again; the gateway drops what it has. */
  #watch(): void {
    const oldest = this.#flights.oldest;
    if (oldest === undefined || this.#watchdog !== undefined || this.#isStopped) return;
    const overdueMs = oldest.departedAtMs + this.#options.acknowledgementTimeoutMs;
    this.#watchdog = setTimeout(
      () => {
        this.#watchdog = undefined;
        if (this.#flights.oldest === oldest && oldest.released && this.#retry === undefined)
          this.#sendAgain();
        else this.#watch();
      },
      Math.max(1000, overdueMs - this.#options.clock.monotonicMs()),
    ).unref();
  }

  #stop(): void {
    this.#isStopped = true;
    if (this.#retry !== undefined) clearTimeout(this.#retry);
    if (this.#watchdog !== undefined) clearTimeout(this.#watchdog);
    this.#ring.wake();
  }
}
