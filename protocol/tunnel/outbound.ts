// Everything that waits to leave, and the order in which it does: the replay after a reconnect, then session
// frames (credit, opens, resets, control), acknowledgement and heartbeat, then streams and telemetry by the
// scheduler, as long as the websocket has room. Every sequenced frame goes through the replay log.
import type { Connection } from './connection.ts';
import { FrameType as Type } from './frame.ts';
import type { TunnelLimits } from './limits.ts';
import { ReplayLog, type SequencedFrame } from './replay.ts';
import { Scheduler } from './scheduler.ts';
import type { SessionStream } from './stream.ts';
import { TelemetryFlow } from './telemetry.ts';

const nothing = new Uint8Array(0);
/** CONTROL messages that a new session takes over from one that was lost. */
const carriedMessages = 64;

export class Outbound {
  readonly log = new ReplayLog();
  readonly telemetry: TelemetryFlow;
  readonly scheduler: Scheduler<SessionStream | TelemetryFlow>;
  readonly #limits: TunnelLimits;
  #control: SequencedFrame[] = [];

  constructor(limits: TunnelLimits) {
    this.#limits = limits;
    this.telemetry = new TelemetryFlow(limits);
    this.scheduler = new Scheduler(limits.quantumBytes);
  }

  get controlFrames(): number {
    return this.#control.length;
  }

  /** False: too many wait already for a peer that takes none. */
  control(type: Type, stream: number, aux: number, payload: Uint8Array = nothing): boolean {
    if (this.#control.length >= this.#limits.controlFrames) return false;
    this.#control.push({ type, stream, aux, payload });
    return true;
  }

  /** The latest CONTROL messages that the peer has not acknowledged, sent or not. */
  unacknowledgedControl(): Uint8Array[] {
    return [...this.log.kept(), ...this.#control]
      .filter((frame) => frame.type === Type.control)
      .slice(-carriedMessages)
      .map((frame) => frame.payload);
  }

  /** Writes what there is room for. `acknowledge` is the last sequence number received, when one is due. */
  pump(connection: Connection, acknowledge: number | undefined): void {
    const before = this.log.last;
    const replaying = this.log.hasReplay;
    connection.cork();
    try {
      connection.answerPing();
      if (acknowledge !== undefined) connection.writer.frame(Type.ack, 0, acknowledge >>> 0, nothing);
      const heartbeat = this.telemetry.takeHeartbeat();
      if (heartbeat) connection.writer.frame(Type.heartbeat, 0, 0, heartbeat);
      this.#replay(connection);
      this.#acknowledgements(connection);
      this.#streams(connection);
      connection.writer.flush();
    } finally {
      connection.uncork();
    }
    if (replaying || this.log.last !== before) connection.expectAnswer();
  }

  #replay(connection: Connection): void {
    while (this.log.hasReplay && this.#room(connection)) {
      const frame = this.log.replay();
      if (frame) write(connection, frame);
    }
  }

  #acknowledgements(connection: Connection): void {
    while (this.#room(connection)) {
      const payload = this.telemetry.takeAcknowledgement();
      if (!payload) return;
      connection.writer.frame(Type.telemetryAck, 0, 0, payload);
    }
  }

  #streams(connection: Connection): void {
    if (this.log.hasReplay) return;
    for (;;) {
      this.#sendControl(connection);
      if (!this.#room(connection)) return;
      const full = this.log.bytes >= this.#limits.unacknowledgedBytes;
      if (this.log.bytes >= this.#limits.unacknowledgedBytes + this.#limits.streamCreditBytes) return;
      const flow = this.scheduler.next(full);
      if (!flow) return;
      if (flow instanceof TelemetryFlow) this.#sendTelemetry(connection, flow);
      else this.#sendStream(connection, flow);
    }
  }

  #sendControl(connection: Connection): void {
    if (this.#control.length === 0) return;
    let sent = 0;
    for (const frame of this.#control) {
      if (!this.#room(connection, 2) || this.log.bytes >= 2 * this.#limits.unacknowledgedBytes) break;
      this.#send(connection, frame);
      sent += 1;
    }
    this.#control = sent === this.#control.length ? [] : this.#control.slice(sent);
  }

  #sendStream(connection: Connection, stream: SessionStream): void {
    const taken = stream.take(this.scheduler.share(stream));
    if (!taken) return;
    const { payload } = taken;
    this.scheduler.charge(stream, payload.length);
    this.#send(connection, { type: Type.data, stream: stream.id, aux: 0, ...taken });
  }

  #sendTelemetry(connection: Connection, flow: TelemetryFlow): void {
    const batch = flow.take();
    if (!batch) return;
    this.scheduler.charge(flow, batch.bytes);
    connection.telemetry(batch.pieces, batch.bytes, batch.sent);
  }

  #send(connection: Connection, frame: SequencedFrame): void {
    this.log.append(frame);
    write(connection, frame);
  }

  #room(connection: Connection, times = 1): boolean {
    return connection.writer.bufferedBytes < times * this.#limits.bufferedBytes;
  }
}

function write({ writer }: Connection, { type, stream, aux, payload, owned }: SequencedFrame): void {
  if (!owned) {
    writer.frame(type as Type, stream, aux, payload);
    return;
  }
  owned.writing();
  writer.frame(type as Type, stream, aux, payload, () => owned.written());
}
