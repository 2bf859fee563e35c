// A session's hold on its present connection: what has been received of the sequence, the acknowledgement
// that is owed for it, and the one pump per turn of the event loop that sends what waits. The count outlives
// the connection; the rest ends with it.
import type { TunnelClock, TunnelTimer } from './clock.ts';
import type { Connection, ConnectionSink } from './connection.ts';
import type { TunnelLimits } from './limits.ts';
import type { Outbound } from './outbound.ts';
import { faultOf } from './violation.ts';

/** What a received frame weighs towards an acknowledgement, besides its payload. */
const frameWeightBytes = 64;

export class Attachment {
  outbound: Outbound;
  readonly #clock: TunnelClock;
  readonly #limits: TunnelLimits;
  #connection: Connection | undefined;
  #received = 0;
  #owedBytes = 0;
  #acknowledgeTimer: TunnelTimer | undefined;
  #pumpDue = false;

  constructor(clock: TunnelClock, limits: TunnelLimits, outbound: Outbound) {
    this.#clock = clock;
    this.#limits = limits;
    this.outbound = outbound;
  }

  get connection(): Connection | undefined {
    return this.#connection;
  }

  /** Sequence number of the last frame received; final once no connection is attached. */
  get received(): number {
    return this.#received;
  }

  /** How long nothing on the present connection has shown that the peer hears us. */
  get quietMs(): number {
    if (this.#connection === undefined) return Number.POSITIVE_INFINITY;
    return this.#clock.nowMs() - this.#connection.unansweredSinceMs;
  }

  attach(connection: Connection, sink: ConnectionSink): void {
    this.#connection = connection;
    connection.sink = sink;
  }

  /** The connection will tell the session nothing more. */
  release(): Connection | undefined {
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection) connection.sink = deaf;
    this.#settleDebt();
    return connection;
  }

  /** The numbers begin anew, and so does what is to be sent. */
  restart(outbound: Outbound): void {
    this.outbound = outbound;
    this.#received = 0;
    this.#owedBytes = 0;
  }

  /** One more frame of the sequence has arrived. */
  count(payloadBytes: number): void {
    this.#received += 1;
    this.#owedBytes += payloadBytes + frameWeightBytes;
    if (this.#owedBytes >= this.#limits.acknowledgeAfterBytes) this.schedulePump();
    else {
      this.#acknowledgeTimer ??= this.#clock.after(this.#limits.acknowledgeAfterMs, () => {
        this.#acknowledgeTimer = undefined;
        this.schedulePump();
      });
    }
  }

  schedulePump(): void {
    if (this.#pumpDue || !this.#connection) return;
    this.#pumpDue = true;
    this.#clock.defer(() => {
      this.#pumpDue = false;
      this.#pump();
    });
  }

  #pump(): void {
    const connection = this.#connection;
    if (!connection) return;
    const due = this.#owedBytes > 0;
    this.#owedBytes = 0;
    if (due) this.#settleDebt();
    try {
      this.outbound.pump(connection, due ? this.#received : undefined);
    } catch (error) {
      connection.fail(faultOf(error, 'tunnel pump'));
    }
  }

  #settleDebt(): void {
    this.#acknowledgeTimer?.cancel();
    this.#acknowledgeTimer = undefined;
  }
}

const deaf: ConnectionSink = { frame() {}, violation() {}, drained() {}, suspected() {}, closed() {} };
