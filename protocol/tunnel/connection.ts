// One transport with what belongs to it alone: decoder, writer, liveness, and the telemetry batches that the
// system has not taken yet. It knows nothing of sessions: frames go to whoever is its sink at the moment.
// After `closed` the sink hears nothing more.
import { Fault } from '../catalogue/fault.ts';
import { contained, tellEach } from '../defect.ts';
import { UnpackingError } from '../telemetry/unpacking.ts';
import type { TunnelClock, TunnelTimer } from './clock.ts';
import { FrameDecoder } from './decoder.ts';
import { FrameType } from './frame.ts';
import type { TunnelLimits } from './limits.ts';
import { Liveness } from './liveness.ts';
import { PacedPacker, PacedUnpacker } from './paced-packer.ts';
import type { ReadingPace } from './reading-pace.ts';
import { CloseCode, type Transport } from './transport.ts';
import { faultOf, invalid } from './violation.ts';
import { MessageWriter } from './writer.ts';

export interface ConnectionSink {
  frame(type: number, stream: number, aux: number, payload: Uint8Array): void;
  /** The peer broke the protocol; the connection is being closed, `closed` follows. */
  violation(fault: Fault): void;
  /** There is room again. */
  drained(): void;
  /** No answer for a while: a good moment to look for another way. */
  suspected(): void;
  closed(reason: string, code: number): void;
}

const nothing = new Uint8Array(0);
const closeGraceMs = 1000;
/** A check that comes so much later than asked for means that this process stood still. */
const pauseMs = 5000;

export class Connection {
  readonly writer: MessageWriter;
  sink: ConnectionSink;
  roundTripMs: number | undefined;
  readonly #transport: Transport;
  readonly #clock: TunnelClock;
  readonly #liveness: Liveness;
  readonly #pace: ReadingPace | undefined;
  readonly #answerLimitBytes: number;
  readonly #packing: number;
  readonly #inFlight = new Set<(error?: Error) => void>();
  #packer: PacedPacker | undefined;
  /** Begins with the first packed batch. */
  #unpacker: PacedUnpacker | undefined;
  #closed = false;
  /** Closed from this side: nothing that still arrives is looked at. */
  #closing = false;
  #timer: TunnelTimer | undefined;
  /** Runs while nothing is read. */
  #rest: TunnelTimer | undefined;
  #dueMs = 0;
  #receivedBytes = 0;
  #nonce = 0;
  #pingedMs = 0;
  #pong: number | undefined;

  /** With a pace it is not read faster than that. */
  constructor(
    transport: Transport,
    clock: TunnelClock,
    limits: TunnelLimits,
    sink: ConnectionSink,
    pace?: ReadingPace,
  ) {
    this.#transport = transport;
    this.#clock = clock;
    this.sink = sink;
    this.writer = new MessageWriter(transport);
    this.#liveness = new Liveness(limits, clock.nowMs());
    this.#pace = pace;
    this.#answerLimitBytes = 2 * limits.bufferedBytes;
    this.#packing = limits.packing;
    const decoder = new FrameDecoder((type, stream, aux, payload) => this.#frame(type, stream, aux, payload));
    transport.listen({
      message: (pieces) => this.#message(decoder, pieces),
      shortMessage: (bytes, start, end) => this.#shortMessage(decoder, bytes, start, end),
      controlFrame: () => this.#controlFrame(),
      drained: () =>
        this.#guarded(() => {
          this.answerPing();
          this.sink.drained();
        }),
      broken: (detail) => this.fail(invalid('message', detail)),
      closed: (reason, code) => this.#end(reason, code),
    });
    this.#schedule();
    this.#restIfDue();
  }

  get closed(): boolean {
    return this.#closed;
  }

  get isSuspected(): boolean {
    return this.#liveness.isSuspected;
  }

  get heardMs(): number {
    return this.#liveness.heardMs;
  }

  cork(): void {
    this.#transport.cork();
  }

  uncork(): void {
    this.#transport.uncork();
  }

  /** Frames that want an acknowledgement have been written. */
  expectAnswer(): void {
    if (this.#liveness.sent(this.#clock.nowMs()) && this.#liveness.nextCheckMs() < this.#dueMs) {
      this.#schedule();
    }
  }

  /** A peer that asks and never reads gets one answer, not a growing queue of them. */
  answerPing(): void {
    if (this.#pong === undefined || this.writer.bufferedBytes > this.#answerLimitBytes) return;
    this.writer.frame(FrameType.pong, 0, this.#pong, nothing);
    this.writer.flush();
    this.#pong = undefined;
  }

  /** The peer has said that it can read packed batches. */
  packTelemetry(): void {
    this.#packer = new PacedPacker();
  }

  telemetry(pieces: readonly Uint8Array[], bytes: number, sent: (error?: Error) => void): void {
    const once = (error?: Error) => {
      if (this.#inFlight.delete(once)) sent(error);
    };
    this.#inFlight.add(once);
    const packed = this.#packer?.pack(pieces, bytes, this.#clock.nowMs());
    if (packed) this.writer.last(FrameType.packedTelemetry, packed, once);
    else this.writer.large(FrameType.telemetry, 0, 0, pieces, bytes, once);
  }

  /** Closes politely, and for good after a second. */
  close(code: number, reason: string): void {
    if (this.#closed || this.#closing) return;
    this.#closing = true;
    this.#readOn();
    this.#transport.close(code, reason);
    this.#timer?.cancel();
    this.#timer = this.#clock.after(closeGraceMs, () => this.#transport.terminate());
  }

  terminate(): void {
    this.#timer?.cancel();
    this.#transport.terminate();
  }

  fail(fault: Fault): void {
    if (this.#closed || this.#closing) return;
    contained('tunnel violation', () => this.sink.violation(fault));
    this.close(CloseCode.protocol, fault.code);
  }

  #message(decoder: FrameDecoder, pieces: readonly Uint8Array[]): void {
    if (this.#isIgnored()) return;
    this.#heard();
    try {
      decoder.message(pieces);
    } catch (error) {
      this.#malformed(error);
    }
    this.#restIfDue();
  }

  #shortMessage(decoder: FrameDecoder, bytes: Uint8Array, start: number, end: number): void {
    if (this.#isIgnored()) return;
    this.#heard();
    try {
      decoder.push(bytes, start, end);
      decoder.endMessage();
    } catch (error) {
      this.#malformed(error);
    }
    this.#restIfDue();
  }

  #controlFrame(): void {
    if (!this.#isIgnored()) this.#heard();
    this.#restIfDue();
  }

  /** What still comes to one that is being closed is not looked at, and for too much of it not even read. */
  #isIgnored(): boolean {
    if (this.#closed || !this.#closing) return this.#closed;
    const nowMs = this.#clock.nowMs();
    this.#pace?.message(nowMs);
    if (this.#pace !== undefined && this.#pace.waitMs(nowMs) > 0) this.#transport.pause();
    return true;
  }

  #heard(): void {
    const nowMs = this.#clock.nowMs();
    this.#liveness.heard(nowMs);
    this.#pace?.message(nowMs);
    this.#receivedBytes = this.#transport.receivedBytes;
  }

  /** Whatever it was: this connection ends, and nothing else. */
  #malformed(error: unknown): void {
    this.fail(faultOf(error, 'tunnel frame'));
  }

  /** For what comes of itself rather than from the peer, but on its connection. */
  #guarded(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#malformed(error);
    }
  }

  /** Nothing more is read until the frames so far are paid for. */
  #restIfDue(): void {
    if (this.#closed || this.#closing || this.#rest !== undefined || this.#pace === undefined) return;
    const waitMs = this.#pace.waitMs(this.#clock.nowMs());
    if (waitMs === 0) return;
    this.#transport.pause();
    this.#rest = this.#clock.after(waitMs, () => this.#readOn());
  }

  #readOn(): void {
    if (this.#rest === undefined) return;
    this.#rest.cancel();
    this.#rest = undefined;
    this.#transport.resume();
  }

  #frame(type: number, stream: number, aux: number, payload: Uint8Array): void {
    this.#pace?.took(type, payload.length, this.#clock.nowMs());
    if (type === FrameType.ping) {
      this.#pong = aux;
      this.answerPing();
    } else if (type === FrameType.pong) {
      if (aux === this.#nonce) this.roundTripMs = this.#clock.nowMs() - this.#pingedMs;
    } else if (type === FrameType.packedTelemetry) {
      this.sink.frame(FrameType.telemetry, stream, aux, this.#unpack(payload));
    } else {
      this.sink.frame(type, stream, aux, payload);
    }
  }

  #unpack(payload: Uint8Array): Uint8Array {
    if (this.#packing === 0) throw invalid('frame-type', 'TELE_PACKED was not offered');
    const nowMs = this.#clock.nowMs();
    this.#unpacker ??= new PacedUnpacker(nowMs);
    try {
      return this.#unpacker.unpack(payload, nowMs);
    } catch (error) {
      if (!(error instanceof UnpackingError)) throw error;
      throw invalid('packed-telemetry', `TELE_PACKED: ${error.message}`);
    }
  }

  #check(): void {
    const nowMs = this.#clock.nowMs();
    if (this.#transport.receivedBytes !== this.#receivedBytes) {
      this.#receivedBytes = this.#transport.receivedBytes;
      this.#liveness.heard(nowMs);
    }
    if (nowMs - this.#dueMs > pauseMs) this.#liveness.paused(nowMs);
    const verdict = this.#liveness.check(nowMs);
    if (verdict === 'dead') {
      this.#transport.terminate();
      return;
    }
    if (verdict === 'ping') {
      this.#nonce = (this.#nonce + 1) >>> 0;
      this.#pingedMs = nowMs;
      this.#liveness.pinged(nowMs);
      this.writer.frame(FrameType.ping, 0, this.#nonce, nothing);
      this.writer.flush();
    }
    this.#schedule();
    if (verdict === 'suspect') this.sink.suspected();
  }

  #schedule(): void {
    this.#timer?.cancel();
    this.#dueMs = this.#liveness.nextCheckMs();
    const wait = Math.max(1, this.#dueMs - this.#clock.nowMs());
    this.#timer = this.#clock.after(wait, () => this.#guarded(() => this.#check()));
  }

  #end(reason: string, code: number): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer?.cancel();
    this.#rest?.cancel();
    const error = new Fault('TUNNEL_SESSION_ENDED', { detail: reason });
    tellEach('telemetry sent', [...this.#inFlight], error);
    contained('tunnel closed', () => this.sink.closed(reason, code));
  }
}
