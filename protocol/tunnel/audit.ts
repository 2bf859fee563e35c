// One record for every stream, written at both ends when the stream is over: who asked, for what, when, how
// much passed, and how it ended.
import type { FaultCode } from '../catalogue/index.ts';
import type { StreamTarget } from '../messages/session.ts';
import type { TunnelClock } from './clock.ts';
import type { SocketOutcome } from './socket.ts';
import type { SessionStream } from './stream.ts';

export interface StreamAudit {
  readonly stream: number;
  /** The node that carries the stream; '' for one that the gateway dialled directly. */
  readonly node: string;
  readonly target: string;
  /** Where the target was found, `host:port`; '' when it was refused before that. */
  readonly address: string;
  /** Gateway: the other replica that it was handed to, or came from. */
  readonly replica?: string;
  readonly reason: string;
  /** RFC 3339. */
  readonly openedAt: string;
  readonly durationMs: number;
  readonly bytesToTarget: number;
  readonly bytesFromTarget: number;
  readonly outcome: 'completed' | 'reset' | 'refused';
  /** Why it was refused, as in the catalogue. */
  readonly code?: FaultCode;
  readonly detail: string;
}

/** Of what the opener said; it may say a thousand. */
const saidCharacters = 200;

type Carried = Pick<SessionStream, 'id' | 'sentBytes' | 'receivedBytes'>;

/**
 * Notes the beginning now; the first outcome is written with what the stream has carried, later ones are not.
 */
export function auditOnce(
  subject: Pick<StreamAudit, 'node' | 'address' | 'replica'> & { readonly target: StreamTarget },
  /** Who opened the stream sends towards the target, who accepted it receives that. */
  end: 'opener' | 'acceptor',
  { audit, clock }: { readonly audit: (record: StreamAudit) => void; readonly clock: TunnelClock },
): (outcome: SocketOutcome, stream: Carried | undefined) => void {
  const openedMs = clock.nowMs();
  const openedAt = new Date(clock.dateMs()).toISOString();
  let written = false;
  return ({ outcome, code, detail }, stream) => {
    if (written) return;
    written = true;
    const { id = 0, sentBytes = 0, receivedBytes = 0 } = stream ?? {};
    audit({
      stream: id,
      node: subject.node,
      target: subject.target.target.slice(0, saidCharacters),
      address: subject.address,
      ...(subject.replica === undefined ? {} : { replica: subject.replica }),
      reason: subject.target.reason.slice(0, saidCharacters),
      openedAt,
      durationMs: Math.round(clock.nowMs() - openedMs),
      bytesToTarget: end === 'opener' ? sentBytes : receivedBytes,
      bytesFromTarget: end === 'opener' ? receivedBytes : sentBytes,
      outcome,
      ...(code === undefined ? {} : { code }),
      detail,
    });
  };
}
