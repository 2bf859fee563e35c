// One transport with what belongs to it alone: decoder, writer, liveness, and the telemetry batches that the
// system has not taken yet. It knows nothing of sessions: frames go to whoever is its sink at the moment.
// After `closed` the sink hears nothing more.
import { Fault } from '../catalogue/fault.ts';
import { contained, tellEach } from '../defect.ts';
import type { TunnelClock, TunnelTimer } from './clock.ts';
import { FrameDecoder } from './decoder.ts';
import { FrameType } from './frame.ts';
import type { TunnelLimits } from './limits.ts';
import { answers, Liveness } from './liveness.ts';
import { Packing } from './paced-packer.ts';
import { type Answered, Questions } from './questions.ts';
import { isTimed, type ReadingPace } from './reading-pace.ts';
import { CloseCode, type Transport } from './transport.ts';
import { faultOf, invalid } from './violation.ts';
import { MessageWriter } from './writer.ts';

export interface ConnectionSink {
  frame(type: number, stream: number, aux: number, payload: Uint8Array): void;
  /** The peer broke the protocol; the connection is being closed, `closed` follows. */
  violation(fault: Fault): void;
  drained(): void;
  /** No answer for a while: a good moment to look for another way. */
  suspected(): void;
  closed(reason: string, code: number): void;
}

const nothing = new Uint8Array(0);
const closeGraceMs = 1000;
/** A check that is so late means that this process stood still. */
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
  readonly packing: Packing;
  readonly #inFlight = new Set<(error?: Error) => void>();
  readonly #questions: Questions;
  #closed = false;
  /** Closed from this side: nothing that still arrives is looked at. */
  #closing = false;
  #timer: TunnelTimer | undefined;
  #rest: TunnelTimer | undefined;
  #dueMs = 0;
  #receivedBytes = 0;
  #nonce = 0;
  #pingedMs = 0;
  #pong: number | undefined;

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
    this.#questions = new Questions(clock, () => this.#liveness.heardMs);
    this.#pace = pace;
    this.#answerLimitBytes = 2 * limits.bufferedBytes;
    this.packing = new Packing(limits.packing > 0);
    const decoder = new FrameDecoder((type, stream, aux, payload) => this.#frame(type, stream, aux, payload));
    transport.listen({
      message: (pieces) => this.#message(decoder, pieces),
      shortMessage: (bytes, start, end) => this.#shortMessage(decoder, bytes, start, end),
      controlFrame: () => this.#controlFrame(),
      drained: () => this.guarded(() => this.#drained()),
      broken: (detail) => this.fail(invalid('message', detail)),
      closed: (reason, code) => this.#end(reason, code),
    });
    this.#schedule();
    this.#restIfDue();
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Neither closed nor being closed. */
  get isOpen(): boolean {
    return !this.#closed && !this.#closing;
  }

  get isSuspected(): boolean {
    return this.#liveness.isSuspected;
  }

  get unansweredSinceMs(): number {
    return this.#liveness.unansweredSinceMs;
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

  /** Whether the peer is there, told once, within the time and a little. */
  ask(withinMs: number, tell: Answered): void {
    if (this.isOpen) this.#questions.ask(this.#ping(), withinMs, tell);
    else tell(false);
  }

  telemetry(pieces: readonly Uint8Array[], bytes: number, sent: (error?: Error) => void): void {
    const once = (error?: Error) => {
      if (this.#inFlight.delete(once)) sent(error);
    };
    this.#inFlight.add(once);
    const packed = this.packing.pack(pieces, bytes, this.#clock.nowMs());
    if (packed) this.writer.last(FrameType.packedTelemetry, packed, once);
    else this.writer.large(FrameType.telemetry, 0, 0, pieces, bytes, once);
  }

  /** Closes politely, and for good after a second. */
  close(code: number, reason: string): void {
    if (!this.isOpen) return;
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
    if (!this.isOpen) return;
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

  #drained(): void {
    this.answerPing();
    this.sink.drained();
  }

  #controlFrame(): void {
    if (!this.#isIgnored()) this.#heard();
    this.#restIfDue();
  }

  /** What still comes to one that is being closed is not looked at, and for too much of it not even read. */
  #isIgnored(): boolean {
    if (this.#closed || this.isOpen) return this.#closed;
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

  /** For what comes of itself on this connection. */
  guarded(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#malformed(error);
    }
  }

  /** Nothing more is read until the frames so far are paid for. */
  #restIfDue(): void {
    if (!this.isOpen || this.#rest !== undefined || this.#pace === undefined) return;
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
    if (answers.has(type)) this.#liveness.answered(this.#clock.nowMs());
    if (type === FrameType.ping) {
      this.#pong = aux;
      this.answerPing();
    } else if (type === FrameType.pong) {
      if (aux === this.#nonce) this.roundTripMs = this.#clock.nowMs() - this.#pingedMs;
      this.#questions.pong(aux);
    } else if (type === FrameType.packedTelemetry)
      this.sink.frame(FrameType.telemetry, stream, aux, this.packing.unpack(payload, this.#clock.nowMs()));
    else if (this.#pace !== undefined && isTimed(type))
      this.#pace.timed(type, payload.length, this.#clock, () => this.sink.frame(type, stream, aux, payload));
    else this.sink.frame(type, stream, aux, payload);
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
    if (verdict === 'ping') this.#ping();
    this.#schedule();
    if (verdict === 'suspect') this.sink.suspected();
  }

  #ping(): number {
    this.#nonce = (this.#nonce + 1) >>> 0;
    this.#pingedMs = this.#clock.nowMs();
    this.#liveness.pinged(this.#pingedMs);
    this.writer.frame(FrameType.ping, 0, this.#nonce, nothing);
    this.writer.flush();
    return this.#nonce;
  }

  #schedule(): void {
    this.#timer?.cancel();
    this.#dueMs = this.#liveness.nextCheckMs();
    const wait = Math.max(1, this.#dueMs - this.#clock.nowMs());
    this.#timer = this.#clock.after(wait, () => this.guarded(() => this.#check()));
  }

  #end(reason: string, code: number): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer?.cancel();
    this.#rest?.cancel();
    this.#questions.end();
    tellEach('telemetry sent', [...this.#inFlight], new Fault('TUNNEL_SESSION_ENDED', { detail: reason }));
    contained('tunnel closed', () => this.sink.closed(reason, code));
  }
}
