// The session: what both ends know about each other beyond one connection. It counts sequenced
// frames, keeps the streams, and goes on over the next connection where the last one stopped. Who
// connects to whom and the HELLOs are handshake.ts; the order of what leaves is outbound.ts. Nothing
// here touches a socket or a real clock.
import type { Duplex } from 'node:stream';
import { Fault } from '../catalogue/fault.ts';
import { contained } from '../defect.ts';
import type { ControlMessage } from '../messages/control.ts';
import type { SessionState, StreamTarget, TunnelSession } from '../messages/session.ts';
import { Attachment } from './attachment.ts';
import type { Connection, ConnectionSink } from './connection.ts';
import { FrameType, frameRules } from './frame.ts';
import { Lifetime } from './lifetime.ts';
import type { TunnelLimits } from './limits.ts';
import { encodeJson } from './messages.ts';
import { openDuplex } from './opening.ts';
import { Outbound } from './outbound.ts';
import { SessionFrames } from './session-frames.ts';
import type { SessionFigures, SessionOptions } from './session-options.ts';
import { SessionStreams } from './session-streams.ts';
import { SessionTelemetry } from './session-telemetry.ts';
import type { StreamEndpoint } from './stream.ts';
import { CloseCode, endsSession } from './transport.ts';
import { invalid } from './violation.ts';

export class Session implements TunnelSession, ConnectionSink {
  readonly #options: SessionOptions;
  readonly #limits: TunnelLimits;
  readonly #lifetime: Lifetime;
  readonly #frames: SessionFrames;
  #id = '';
  /** Agent: the replica of the gateway that answered, as it calls itself. */
  peerName = '';
  readonly #attachment: Attachment;
  readonly telemetry: SessionTelemetry;
  readonly #streams: SessionStreams;
  #resumptions = 0;
  #violations = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#limits = options.limits;
    this.#attachment = new Attachment(options.clock, options.limits, new Outbound(options.limits));
    this.#lifetime = new Lifetime(options.clock, options.limits.resumeWindowMs, () => this.#expire());
    this.#frames = new SessionFrames(
      options,
      (low) => this.#acknowledged(low),
      () => this.#lifetime.move('drain'),
    );
    this.telemetry = new SessionTelemetry(this.#attachment, this.#frames);
    this.#streams = new SessionStreams(options, this.#attachment, {
      control: (type, stream, aux, payload) => this.#control(type, stream, aux, payload),
      violated: (fault) => this.#streamViolated(fault),
    });
  }

  // What the rest of the process uses.

  get state(): SessionState {
    return this.#lifetime.state;
  }

  get #outbound(): Outbound {
    return this.#attachment.outbound;
  }

  get figures(): SessionFigures {
    return {
      state: this.#lifetime.state,
      ...this.#streams.figures,
      resumptions: this.#resumptions,
      violations: this.#violations,
      unacknowledgedBytes: this.#outbound.log.bytes,
      unacknowledgedLimitBytes: this.#limits.unacknowledgedBytes,
      controlFramesQueued: this.#outbound.controlFrames,
      roundTripMs: this.connection?.roundTripMs,
    };
  }

  acknowledgeTelemetry(payload: Uint8Array): void {
    this.telemetry.acknowledge(payload);
  }

  sendControl(message: ControlMessage): void {
    this.#control(FrameType.control, 0, 0, encodeJson(message));
  }

  onControl(listener: (message: ControlMessage) => void): void {
    this.#frames.onControl(listener);
  }

  onStateChange(listener: (state: SessionState) => void): void {
    this.#lifetime.onChange(listener);
  }

  /** Opens a stream for an endpoint; every outcome is told to the endpoint. The function gives up waiting. */
  open(target: StreamTarget, endpoint: StreamEndpoint): () => void {
    if (this.#id !== '' && this.state !== 'Closed') return this.#streams.open(target, endpoint);
    endpoint.refused(new Fault('TUNNEL_SESSION_ENDED', { detail: 'there is no session' }));
    return () => {};
  }

  openStream(target: StreamTarget, signal?: AbortSignal): Promise<Duplex> {
    return openDuplex((wanted, endpoint) => this.open(wanted, endpoint), target, signal);
  }

  /** Gateway: the agent is to connect anew after `delayMs`; streams are opened here until then. */
  drain(delayMs: number): void {
    this.#control(FrameType.drain, 0, delayMs);
    this.#lifetime.move('drain');
  }

  /** FIN on every stream, after what was written to it; the other ends finish in their turn. */
  finish(): void {
    this.#streams.finish();
  }

  /** Ends for good. */
  end(code: number, detail: string): void {
    if (this.state === 'Closed') return;
    const connection = this.#attachment.release();
    this.#lifetime.stopWaiting();
    this.#lifetime.move('end');
    this.#dropStreams(detail);
    connection?.close(code, detail);
  }

  // What the handshake uses.

  get id(): string {
    return this.#id;
  }

  /** Sequence number of the last frame received; final once no connection is attached. */
  get received(): number {
    return this.#attachment.received;
  }

  get attached(): boolean {
    return this.connection !== undefined;
  }

  get connection(): Connection | undefined {
    return this.#attachment.connection;
  }

  /** How long nothing on the present connection has shown that the peer hears us. */
  get quietMs(): number {
    return this.#attachment.quietMs;
  }

  /** A connection is up and HELLO is on its way; `handshakeFailed` if nothing comes of it. */
  handshaking(): void {
    this.#lifetime.move('handshake');
  }

  handshakeFailed(): void {
    this.#lifetime.move('connectionLost');
  }

  /** Whether `resume` would accept this number. */
  canResume(peerReceived: number): boolean {
    const { log } = this.#outbound;
    return peerReceived >= log.acknowledged && peerReceived <= log.last;
  }

  /** Takes the connection away, if there is one; the session waits for the next. */
  suspend(reason: string): void {
    const connection = this.#attachment.release();
    if (!connection) return;
    connection.terminate();
    this.#wait(reason);
  }

  /** A new session over this connection; streams before it are reset, unsent control messages stay. */
  begin(connection: Connection, id: string): void {
    const messages = this.#outbound.unacknowledgedControl();
    this.#dropStreams('the peer does not know the session any more');
    const outbound = new Outbound(this.#limits);
    this.telemetry.moveTo(outbound);
    this.#attachment.restart(outbound);
    this.#streams.restart();
    for (const payload of messages) this.#outbound.control(FrameType.control, 0, 0, payload);
    this.#id = id;
    // Whoever wanted to drain the one before does not have this one.
    if (this.state === 'Draining') this.#lifetime.move('expired');
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
    if (frameRules[type]?.sequenced) this.#attachment.count(payload.length);
    if (stream !== 0) this.#streams.receive(type, stream, aux, payload);
    else this.#frames.receive(type, aux, payload);
  }

  drained(): void {
    this.#attachment.schedulePump();
  }

  suspected(): void {
    this.#options.onSuspicion?.();
  }

  violation(fault: Fault): void {
    this.#violations += 1;
    contained('tunnel violation', () => this.#options.onViolation?.(fault));
    if (this.#options.role === 'gateway') {
      this.end(CloseCode.protocol, fault.message);
      return;
    }
    this.#attachment.release();
    this.#startOver(fault.message);
  }

  closed(reason: string, code: number): void {
    this.#attachment.release();
    if (!endsSession(code)) {
      this.#wait(reason);
      this.#options.onConnectionLost?.(reason, code !== CloseCode.brokenOff);
    } else if (this.#options.role === 'gateway') this.end(code, reason);
    else this.#startOver(reason);
  }

  #acknowledged(low: number): void {
    this.#outbound.log.acknowledge(low);
    this.#attachment.schedulePump();
  }

  #streamViolated(fault: Fault): void {
    this.#violations += 1;
    contained('tunnel violation', () => this.#options.onViolation?.(fault));
    if (this.#violations > this.#limits.violations)
      this.connection?.fail(invalid('mistakes', 'too many mistakes'));
  }

  #control(type: FrameType, stream: number, aux: number, payload?: Uint8Array): void {
    if (this.state === 'Closed') return;
    if (this.#outbound.control(type, stream, aux, payload)) this.#attachment.schedulePump();
    else
      this.#overrun(
        invalid('unread', `${this.#limits.controlFrames} session frames wait for a peer that takes none`),
      );
  }

  #overrun(fault: Fault): void {
    if (this.connection) this.connection.fail(fault);
    else this.violation(fault);
  }

  #attach(connection: Connection): void {
    this.#lifetime.stopWaiting();
    this.#attachment.attach(connection, this);
    this.#lifetime.move('established');
    this.#attachment.schedulePump();
  }

  #wait(reason: string): void {
    this.telemetry.drop(reason);
    if (this.state === 'Closed') return;
    this.#lifetime.move('connectionLost');
    this.#lifetime.await();
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
    this.#lifetime.stopWaiting();
    this.#id = '';
    this.#dropStreams(detail);
    this.#lifetime.move('expired');
  }

  #dropStreams(detail: string): void {
    this.telemetry.drop(detail);
    this.#streams.drop(detail);
  }
}
