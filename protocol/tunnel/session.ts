// The session: what both ends know about each other beyond one connection. It counts sequenced frames, keeps the
// streams, and goes on over the next connection where the last one stopped. Who connects to whom and the HELLOs
// are handshake.ts; the order of what leaves is outbound.ts. Nothing here touches a socket or a real clock.
import type { Duplex } from 'node:stream';
import { type ControlMessage, controlMessageSchema } from '../control.ts';
import { Fault } from '../fault.ts';
import type { SessionState, StreamTarget, TelemetryChannel, TunnelSession } from '../session.ts';
import type { TunnelClock, TunnelTimer } from './clock.ts';
import type { Connection, ConnectionSink } from './connection.ts';
import { StreamDuplex } from './duplex.ts';
import { FrameType, frameRules, invalid, ResetReason } from './frame.ts';
import type { TunnelLimits } from './limits.ts';
import { decodeJson, encodeJson } from './messages.ts';
import { Outbound } from './outbound.ts';
import { nextSessionState, type SessionEvent } from './session-states.ts';
import type { SessionStream, StreamEndpoint } from './stream.ts';
import { StreamTable } from './streams.ts';
import { CloseCode, endsSession } from './transport.ts';

export interface SessionOptions {
  readonly role: 'agent' | 'gateway';
  readonly clock: TunnelClock;
  readonly limits: TunnelLimits;
  /** A stream that the peer wants; must be attached and accepted, or refused, now or later. */
  readonly onOffer: (stream: SessionStream) => void;
  readonly onHeartbeat?: (payload: Uint8Array) => void;
  readonly onTelemetry?: (payload: Uint8Array) => void;
  /** The peer asks to move to another connection within so many milliseconds. */
  readonly onDrain?: (delayMs: number) => void;
  readonly onSuspicion?: () => void;
  /** `onPurpose`: the peer closed it, or broke the protocol; else it broke off. */
  readonly onConnectionLost?: (reason: string, onPurpose: boolean) => void;
  readonly onViolation?: (fault: Fault) => void;
}

/** What can be shown of a session; all bytes are payload. */
export interface SessionFigures {
  readonly state: SessionState;
  readonly streams: number;
  readonly streamsOpened: number;
  readonly streamsRefusedForLimit: number;
  readonly resumptions: number;
  readonly violations: number;
  readonly unacknowledgedBytes: number;
  readonly unacknowledgedLimitBytes: number;
  readonly controlFramesQueued: number;
  readonly roundTripMs: number | undefined;
}

export class Session implements TunnelSession, ConnectionSink {
  readonly #options: SessionOptions;
  readonly #clock: TunnelClock;
  readonly #limits: TunnelLimits;
  #state: SessionState = 'Connecting';
  #id = '';
  #received = 0;
  #unacknowledgedReceivedBytes = 0;
  #connection: Connection | undefined;
  #outbound: Outbound;
  #streams: StreamTable;
  #pumpDue = false;
  #acknowledgeTimer: TunnelTimer | undefined;
  #windowTimer: TunnelTimer | undefined;
  #resumptions = 0;
  #violations = 0;
  readonly #stateListeners: ((state: SessionState) => void)[] = [];
  readonly #controlListeners: ((message: ControlMessage) => void)[] = [];
  readonly #acknowledgementListeners: ((payload: Uint8Array) => void)[] = [];

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#limits = options.limits;
    this.#outbound = new Outbound(options.limits);
    this.#streams = this.#newStreams();
  }

  // What the rest of the process uses.

  get state(): SessionState {
    return this.#state;
  }

  get figures(): SessionFigures {
    return {
      state: this.#state,
      streams: this.#streams.size,
      streamsOpened: this.#streams.opened,
      streamsRefusedForLimit: this.#streams.refusedForLimit,
      resumptions: this.#resumptions,
      violations: this.#violations,
      unacknowledgedBytes: this.#outbound.log.bytes,
      unacknowledgedLimitBytes: this.#limits.unacknowledgedBytes,
      controlFramesQueued: this.#outbound.controlFrames,
      roundTripMs: this.#connection?.roundTripMs,
    };
  }

  readonly telemetry: TelemetryChannel = {
    sendBatch: (pieces, sent) => {
      if (!this.#connection) return false;
      const { telemetry, scheduler } = this.#outbound;
      if (!telemetry.queue(pieces, sent)) return false;
      scheduler.activate(telemetry);
      this.#schedulePump();
      return true;
    },
    setHeartbeat: (payload) => {
      this.#outbound.telemetry.heartbeat = payload;
      this.#schedulePump();
    },
    onAcknowledgement: (listener) => void this.#acknowledgementListeners.push(listener),
  };

  acknowledgeTelemetry(payload: Uint8Array): void {
    if (!this.#connection) return;
    this.#outbound.telemetry.acknowledge(payload);
    this.#schedulePump();
  }

  sendControl(message: ControlMessage): void {
    this.#control(FrameType.control, 0, 0, encodeJson(message));
  }

  onControl(listener: (message: ControlMessage) => void): void {
    this.#controlListeners.push(listener);
  }

  onStateChange(listener: (state: SessionState) => void): void {
    this.#stateListeners.push(listener);
  }

  /** Opens a stream for an endpoint; every outcome is told to the endpoint. The function gives up waiting. */
  open(target: StreamTarget, endpoint: StreamEndpoint): () => void {
    const refusal = this.#whyNotOpen() ?? this.#streams.whyFull();
    if (refusal) {
      endpoint.refused(refusal);
      return () => {};
    }
    const stream = this.#streams.open(target, endpoint);
    const giveUp = (fault: Fault) => {
      if (stream.state !== 'Opening') return;
      stream.reset(ResetReason.cancelled);
      endpoint.refused(fault);
    };
    const milliseconds = this.#limits.openTimeoutMs;
    const timer = this.#clock.after(milliseconds, () =>
      giveUp(new Fault('TUNNEL_OPEN_TIMED_OUT', { target: target.target, milliseconds })),
    );
    stream.whenAnswered = () => timer.cancel();
    return () => giveUp(new Fault('TUNNEL_STREAM_RESET', { detail: 'cancelled' }));
  }

  async openStream(target: StreamTarget, signal?: AbortSignal): Promise<Duplex> {
    const answered = Promise.withResolvers<Duplex>();
    const cancel = this.open(target, new StreamDuplex(answered.resolve, answered.reject));
    signal?.addEventListener('abort', cancel, { once: true });
    if (signal?.aborted) cancel();
    try {
      return await answered.promise;
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
  }

  /** Gateway: no new streams here, the agent is asked to connect anew after `delayMs`. */
  drain(delayMs: number): void {
    this.#control(FrameType.drain, 0, delayMs);
    this.#move('drain');
  }

  /** Ends for good: streams are reset, the connection is closed. */
  end(code: number, detail: string): void {
    if (this.#state === 'Closed') return;
    const connection = this.#release();
    this.#windowTimer?.cancel();
    this.#move('end');
    this.#dropStreams(detail);
    connection?.close(code, detail);
  }

  // What the handshake uses.

  get id(): string {
    return this.#id;
  }

  /** Sequence number of the last frame received; final once no connection is attached. */
  get received(): number {
    return this.#received;
  }

  get attached(): boolean {
    return this.#connection !== undefined;
  }

  /** How long nothing has been heard on the present connection. */
  get quietMs(): number {
    return this.#connection ? this.#clock.nowMs() - this.#connection.heardMs : Number.POSITIVE_INFINITY;
  }

  /** A connection is up and HELLO is on its way; `handshakeFailed` if nothing comes of it. */
  handshaking(): void {
    this.#move('handshake');
  }

  handshakeFailed(): void {
    this.#move('connectionLost');
  }

  /** Whether `resume` would accept this number. */
  canResume(peerReceived: number): boolean {
    const { log } = this.#outbound;
    return peerReceived >= log.acknowledged && peerReceived <= log.last;
  }

  /** Takes the connection away, if there is one; the session waits for the next. */
  suspend(reason: string): void {
    const connection = this.#release();
    if (!connection) return;
    connection.terminate();
    this.#wait(reason);
  }

  /** A new session over this connection; streams of the one before are reset, unsent control messages stay. */
  begin(connection: Connection, id: string): void {
    const messages = this.#outbound.unacknowledgedControl();
    this.#dropStreams('the peer does not know the session any more');
    const { heartbeat } = this.#outbound.telemetry;
    this.#outbound = new Outbound(this.#limits);
    this.#outbound.telemetry.heartbeat = heartbeat;
    this.#streams = this.#newStreams();
    for (const payload of messages) this.#outbound.control(FrameType.control, 0, 0, payload);
    this.#id = id;
    this.#received = 0;
    this.#unacknowledgedReceivedBytes = 0;
    this.#attach(connection);
  }

  /** Goes on where the peer stopped. Throws when the peer claims what cannot be. */
  resume(connection: Connection, peerReceived: number): void {
    this.#outbound.log.rewind(peerReceived);
    this.#resumptions += 1;
    this.#attach(connection);
  }

  // What the connection tells.

  frame(type: number, stream: number, aux: number, payload: Uint8Array): void {
    const sequenced = frameRules[type]?.sequenced;
    if (sequenced) {
      this.#received += 1;
      this.#oweAcknowledgement(payload.length);
    }
    if (stream !== 0) this.#streams.receive(type, stream, aux, payload);
    else this.#receiveSession(type, aux, payload);
  }

  drained(): void {
    this.#schedulePump();
  }

  suspected(): void {
    this.#options.onSuspicion?.();
  }

  violation(fault: Fault): void {
    this.#violations += 1;
    this.#options.onViolation?.(fault);
    if (this.#options.role === 'gateway') {
      this.end(CloseCode.protocol, fault.message);
      return;
    }
    this.#release();
    this.#startOver(fault.message);
  }

  closed(reason: string, code: number): void {
    this.#release();
    if (!endsSession(code)) {
      this.#wait(reason);
      this.#options.onConnectionLost?.(reason, code !== CloseCode.brokenOff);
    } else if (this.#options.role === 'gateway') this.end(code, reason);
    else this.#startOver(reason);
  }

  #receiveSession(type: number, aux: number, payload: Uint8Array): void {
    switch (type) {
      case FrameType.ack:
        this.#outbound.log.acknowledge(aux);
        this.#schedulePump();
        break;
      case FrameType.control: {
        const message = decodeJson(controlMessageSchema, payload, 'CONTROL');
        for (const listener of this.#controlListeners) listener(message);
        break;
      }
      case FrameType.heartbeat:
        this.#options.onHeartbeat?.(payload);
        break;
      case FrameType.telemetry:
        this.#options.onTelemetry?.(payload);
        break;
      case FrameType.telemetryAck:
        for (const listener of this.#acknowledgementListeners) listener(payload);
        break;
      case FrameType.drain:
        if (this.#options.role === 'gateway') throw invalid('DRAIN from an agent');
        this.#move('drain');
        this.#options.onDrain?.(aux);
        break;
      default:
        throw invalid(`${frameRules[type]?.name ?? type} in an established session`);
    }
  }

  #newStreams(): StreamTable {
    const owner = {
      streamQueueBytes: this.#limits.streamQueueBytes,
      control: (type: FrameType, stream: number, aux: number, payload?: Uint8Array) =>
        this.#control(type, stream, aux, payload),
      activate: (stream: SessionStream) => {
        this.#outbound.scheduler.activate(stream);
        this.#schedulePump();
      },
      forget: (stream: SessionStream) => {
        this.#outbound.scheduler.remove(stream);
        this.#streams.forget(stream);
      },
      violated: (detail: string) => this.#streamViolated(detail),
    };
    return new StreamTable(this.#options.role, this.#limits, owner, this.#options.onOffer);
  }

  #streamViolated(detail: string): void {
    this.#violations += 1;
    const fault = invalid(detail);
    this.#options.onViolation?.(fault);
    if (this.#violations > this.#limits.violations) this.#connection?.fail(invalid('too many mistakes'));
  }

  #control(type: FrameType, stream: number, aux: number, payload?: Uint8Array): void {
    if (this.#state === 'Closed') return;
    if (this.#outbound.control(type, stream, aux, payload)) this.#schedulePump();
    else
      this.#overrun(invalid(`${this.#limits.controlFrames} session frames wait for a peer that takes none`));
  }

  #overrun(fault: Fault): void {
    if (this.#connection) this.#connection.fail(fault);
    else this.violation(fault);
  }

  #oweAcknowledgement(payloadBytes: number): void {
    this.#unacknowledgedReceivedBytes += payloadBytes + 64;
    if (this.#unacknowledgedReceivedBytes >= this.#limits.acknowledgeAfterBytes) this.#schedulePump();
    else {
      this.#acknowledgeTimer ??= this.#clock.after(this.#limits.acknowledgeAfterMs, () => {
        this.#acknowledgeTimer = undefined;
        this.#schedulePump();
      });
    }
  }

  #schedulePump(): void {
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
    const due = this.#unacknowledgedReceivedBytes > 0;
    this.#unacknowledgedReceivedBytes = 0;
    if (due) {
      this.#acknowledgeTimer?.cancel();
      this.#acknowledgeTimer = undefined;
    }
    this.#outbound.pump(connection, due ? this.#received : undefined);
  }

  #attach(connection: Connection): void {
    this.#windowTimer?.cancel();
    this.#connection = connection;
    connection.sink = this;
    this.#move('established');
    this.#schedulePump();
  }

  #release(): Connection | undefined {
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection) connection.sink = deaf;
    return connection;
  }

  #wait(reason: string): void {
    this.#acknowledgeTimer?.cancel();
    this.#acknowledgeTimer = undefined;
    this.#outbound.telemetry.drop(reason);
    if (this.#state === 'Closed') return;
    this.#move('connectionLost');
    this.#windowTimer?.cancel();
    this.#windowTimer = this.#clock.after(this.#limits.resumeWindowMs, () => this.#expire());
  }

  #expire(): void {
    if (this.#options.role === 'gateway') {
      this.end(CloseCode.dead, 'the node did not come back within the resume window');
      return;
    }
    this.#forgetSession('the gateway did not come back within the resume window');
  }

  #startOver(reason: string): void {
    this.#forgetSession(reason);
    this.#options.onConnectionLost?.(reason, true);
  }

  /** Agent: the next connection begins anew. */
  #forgetSession(detail: string): void {
    this.#windowTimer?.cancel();
    this.#id = '';
    this.#dropStreams(detail);
    this.#move('expired');
  }

  #dropStreams(detail: string): void {
    this.#outbound.telemetry.drop(detail);
    this.#streams.endAll(new Fault('TUNNEL_SESSION_ENDED', { detail }));
  }

  #whyNotOpen(): Fault | undefined {
    if (this.#id === '' || this.#state === 'Closed') {
      return new Fault('TUNNEL_SESSION_ENDED', { detail: 'there is no session' });
    }
    if (this.#state === 'Draining') {
      return new Fault('TUNNEL_SESSION_ENDED', { detail: 'the gateway is draining' });
    }
    return undefined;
  }

  #move(event: SessionEvent): void {
    const next = nextSessionState(this.#state, event);
    if (next === this.#state) return;
    this.#state = next;
    for (const listener of this.#stateListeners) listener(next);
  }
}

const deaf: ConnectionSink = { frame() {}, violation() {}, drained() {}, suspected() {}, closed() {} };
