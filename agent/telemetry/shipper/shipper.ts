// Carries the ring to the tunnel: waits until something is published, hands whole runs of records as they lie
// to the channel, takes acknowledgements, and frees the ring. It copies no record. Two things always hold:
// nothing is freed before the gateway has acknowledged it and the tunnel has let go of its bytes; and
// produced = acknowledged + pending + lost.
import { type Acknowledgement, decodeAcknowledgement } from '../../../protocol/telemetry/acknowledgement.ts';
import { batchFlag, batchHeaderBytes, encodeBatchHeader } from '../../../protocol/telemetry/batch.ts';
import { packedBatchLimitBytes } from '../../../protocol/telemetry/packing-context.ts';
import { isLater, RingConsumer, type RingRun } from '../ring/consumer.ts';
import { unwrapSequence } from '../ring/sequence.ts';
import { TimeBase } from '../time-base.ts';
import { RecordAccount, type TelemetryAccount } from './account.ts';
import { Descriptions } from './descriptions.ts';
import { Flights } from './flights.ts';
import { type ShipperOptions, type ShipperSpool, shipperDefaults } from './options.ts';
import { Pause } from './pause.ts';

const rewindPauseMs = 1000;

export class Shipper {
  readonly #ring: RingConsumer;
  readonly #options: ShipperOptions & typeof shipperDefaults;
  readonly #timeBase: TimeBase;
  readonly #spool: ShipperSpool | undefined;
  readonly #descriptions = new Descriptions();
  readonly #flights = new Flights();
  readonly #account: RecordAccount;
  readonly #pause = new Pause(
    () => this.#goOn(),
    () => this.#sendAgain(),
  );
  #epoch: number;
  #next: number;
  #nextSequence: number;
  #mustDescribe = true;
  #isResumed = true;
  #rewoundAtMs = Number.NEGATIVE_INFINITY;
  #watchdog: NodeJS.Timeout | undefined;
  /** The channel took nothing more, but lets go of something soon. */
  #isFull = false;
  /** Batches sent more than once began at one of these. */
  rewinds = 0;

  constructor(options: ShipperOptions) {
    this.#options = { ...shipperDefaults, ...options };
    this.#ring = new RingConsumer(options.memory, this.#descriptions);
    this.#account = new RecordAccount(this.#ring);
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

  /** The producing thread has ended, perhaps after it published something and before it woke this one. */
  producerEnded(): void {
    this.#ring.wake();
  }

  account(): TelemetryAccount {
    return this.#account.now(this.#spool);
  }

  #pump(): void {
    if (this.#pause.isStopped || this.#pause.isOn) return;
    const isGivenUp = isLater(this.#ring.position('free'), this.#next);
    if (isGivenUp && this.#spool !== undefined && !this.#handOver(this.#spool)) return;
    if (this.#mustDescribe && !this.#describe(this.#epoch)) {
      this.#retryAfter(this.#options.retryMs);
      return;
    }
    while (this.#flights.inFlightBytes < this.#options.windowBytes) {
      const run = this.#ring.run(this.#next, packedBatchLimitBytes - batchHeaderBytes);
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
      this.#account.acknowledge(flight.count);
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
   * Up to what is acknowledged; when more than half the ring is in use, up to what is synced to the spool.
   * Never beyond bytes that the socket or the disk may still read.
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
   * The ring has given up what comes next: those records are the spool's, live goes on behind them in a
   * new epoch. Only once there is a session that takes its descriptions: a link that stays cut must not
   * make an epoch of every lap.
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

  /**
   * Leaves the channel alone for a while, then goes on, or from the acknowledged
   * position when `again` is set.
   */
  #retryAfter(milliseconds: number, again = false): void {
    if (this.#pause.begin(milliseconds, again)) this.#isFull &&= !again;
  }

  /** Ends a pause before its time or at its end. */
  #goOn(): void {
    this.#pause.end();
    this.#isFull = false;
    this.#pump();
  }

  /**
   * A batch that left this process and is not acknowledged in time is sent again;
   * the gateway drops what it has.
   */
  #watch(): void {
    const oldest = this.#flights.oldest;
    if (oldest === undefined || this.#watchdog !== undefined || this.#pause.isStopped) return;
    const overdueMs = oldest.departedAtMs + this.#options.acknowledgementTimeoutMs;
    this.#watchdog = setTimeout(
      () => {
        this.#watchdog = undefined;
        if (this.#flights.oldest === oldest && oldest.released && !this.#pause.isOn) this.#sendAgain();
        else this.#watch();
      },
      Math.max(1000, overdueMs - this.#options.clock.monotonicMs()),
    ).unref();
  }

  #stop(): void {
    this.#pause.stop();
    if (this.#watchdog !== undefined) clearTimeout(this.#watchdog);
    this.#ring.wake();
  }
}
