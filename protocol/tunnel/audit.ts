// One record for every stream, written at both ends when the stream is over: who asked, for what, when, how
// much passed, and how it ended.

export interface StreamAudit {
  readonly stream: number;
  /** At the gateway: the node that carried the stream; '' for one that was dialled directly. */
  readonly node: string;
  readonly target: string;
  /** Where the target was found, `host:port`; '' when it was refused before that. */
  readonly address: string;
  readonly reason: string;
  /** RFC 3339. */
  readonly openedAt: string;
  readonly durationMs: number;
  readonly bytesToTarget: number;
  readonly bytesFromTarget: number;
  readonly outcome: 'completed' | 'reset' | 'refused';
  readonly detail: string;
}
