// Every limit of the tunnel, with its unit in its name. Both ends use the same defaults; a test passes its
// own. The two at the top are part of the wire format: a peer that exceeds them breaks the protocol.

export const frameHeaderBytes = 16;
export const framePayloadLimitBytes = 65_536;
/** One websocket message: a full frame, or many small ones. */
export const messageLimitBytes = frameHeaderBytes + framePayloadLimitBytes;
export const messageFragmentsLimit = 256;
export const subprotocol = 'regnode.v1';
/** TELE_PACKED as protocol/telemetry/packing.ts describes it. */
export const packingVersion = 1;

export interface TunnelLimits {
  /** What the peer may send on a new stream before the local socket has taken any of it. */
  readonly streamCreditBytes: number;
  /** Granted instead when `receiveBudgetBytes` is nearly used up, so that many streams stay possible. */
  readonly streamCreditFloorBytes: number;
  /** Bytes that all streams of a session together may make the peer send (plus the floor for each). */
  readonly receiveBudgetBytes: number;
  /** Read from a local socket and not yet sent; above it the socket is paused. */
  readonly streamQueueBytes: number;
  /** Sent and not yet acknowledged, kept for resumption; above it streams wait. */
  readonly unacknowledgedBytes: number;
  /** Above `bufferedBytes` in the websocket our own scheduler decides what comes next. */
  readonly bufferedBytes: number;
  /** A stream's turn in the round robin. */
  readonly quantumBytes: number;
  /** Received and not yet acknowledged, before an ACK is sent without waiting. */
  readonly acknowledgeAfterBytes: number;
  readonly acknowledgeAfterMs: number;
  /** Streams that the peer may have open at a time. */
  readonly streams: number;
  /** Session frames (credit, resets, control messages) that wait to be sent. */
  readonly controlFrames: number;
  /** Stream-level mistakes of the peer before the whole session ends. */
  readonly violations: number;
  readonly telemetryQueueBytes: number;
  readonly telemetryAcknowledgements: number;
  readonly pingIntervalMs: number;
  /** A PING without an answer for so long: the agent begins to look for a second way. */
  readonly suspectAfterMs: number;
  readonly deadAfterMs: number;
  /** Agent: an attempt to reach TCP's answer, then TLS and the websocket's answer. */
  readonly connectTimeoutMs: number;
  readonly upgradeTimeoutMs: number;
  readonly helloTimeoutMs: number;
  readonly openTimeoutMs: number;
  readonly resumeWindowMs: number;
  /** The form of TELE_PACKED that this end speaks; 0: none, as releases that had none. */
  readonly packing: number;
}

export const defaultLimits: TunnelLimits = {
  streamCreditBytes: 256 * 1024,
  streamCreditFloorBytes: 16 * 1024,
  receiveBudgetBytes: 64 * 1024 * 1024,
  streamQueueBytes: 128 * 1024,
  unacknowledgedBytes: 8 * 1024 * 1024,
  bufferedBytes: 256 * 1024,
  quantumBytes: 16 * 1024,
  acknowledgeAfterBytes: 64 * 1024,
  acknowledgeAfterMs: 100,
  streams: 2048,
  controlFrames: 16_384,
  violations: 64,
  telemetryQueueBytes: 256 * 1024,
  telemetryAcknowledgements: 1024,
  pingIntervalMs: 10_000,
  suspectAfterMs: 3_000,
  deadAfterMs: 25_000,
  connectTimeoutMs: 2_000,
  upgradeTimeoutMs: 10_000,
  helloTimeoutMs: 10_000,
  openTimeoutMs: 20_000,
  resumeWindowMs: 60_000,
  packing: packingVersion,
};
