// What the session needs of a message connection. websocket.ts is the real one; tests have one in memory that
// loses, delays and cuts.

export interface Transport {
  /**
   * Queues one message made of these pieces, in order; `sent` when the system has taken
   * the last, or with an error.
   */
  send(pieces: readonly Uint8Array[], sent?: (error?: Error) => void): void;
  /** Bytes queued that the system has not taken. */
  readonly bufferedBytes: number;
  /** Bytes that have arrived, message complete or not: a sign of life on slow links. */
  readonly receivedBytes: number;
  /** Between the two, messages are gathered into one write. */
  cork(): void;
  uncork(): void;
  /** Until `resume` nothing more is read of the peer; what has been read is still told. */
  pause(): void;
  resume(): void;
  listen(listener: TransportListener): void;
  close(code: number, reason: string): void;
  /** Ends at once, waits for nothing. */
  terminate(): void;
}

export interface TransportListener {
  message(pieces: readonly Uint8Array[]): void;
  /** A whole message that lies between `start` and `end`, as some transports deliver short ones. */
  shortMessage(bytes: Uint8Array, start: number, end: number): void;
  /** The transport answered something of its own (a websocket's PING or PONG) that has cost time. */
  controlFrame?(): void;
  /** The peer broke the transport's own rules, which is being closed; `closed` follows. */
  broken(detail: string): void;
  /** After `bufferedBytes` had grown: the system has taken everything. */
  drained(): void;
  /** Once, last of all; no `sent` is called after it. */
  closed(reason: string, code: number): void;
}

/** Codes with which a websocket is closed on purpose. */
export const CloseCode = {
  /** What a websocket reports that ended without a close frame. */
  brokenOff: 1006,
  superseded: 4001,
  removed: 4002,
  protocol: 4003,
  helloTimeout: 4004,
  shuttingDown: 4005,
  dead: 4006,
  stale: 4007,
  /** The agent was told why in place of a HELLO. */
  refused: 4008,
} as const;

/** After these the peer has no session any more: nothing to wait for. */
export function endsSession(code: number): boolean {
  return (
    code === CloseCode.superseded ||
    code === CloseCode.removed ||
    code === CloseCode.protocol ||
    code === CloseCode.shuttingDown
  );
}
