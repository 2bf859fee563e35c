// The life of a session as a table: (state, event) → state. The names are the ones that `status`, logs and
// the documentation use. A session outlives its connections: it is `Resuming` between two of them, and only
// the end of the resume window, a stranger's answer, or `end` take its streams away.
import type { SessionState } from '../messages/session.ts';

export type SessionEvent =
  /** A connection is up and HELLO is on its way. */
  | 'handshake'
  /** Both HELLOs are there. */
  | 'established'
  | 'connectionLost'
  /** The resume window is over, or the peer does not know the session any more. */
  | 'expired'
  | 'drain'
  | 'end';

const table: Readonly<Record<SessionState, Partial<Record<SessionEvent, SessionState>>>> = {
  Connecting: { handshake: 'Handshaking', established: 'Open', end: 'Closed' },
  Handshaking: { established: 'Open', connectionLost: 'Connecting', end: 'Closed' },
  Open: { connectionLost: 'Resuming', drain: 'Draining', expired: 'Connecting', end: 'Closed' },
  Resuming: { established: 'Open', expired: 'Connecting', end: 'Closed' },
  Draining: { established: 'Draining', expired: 'Connecting', end: 'Closed' },
  Closed: {},
};

/** An event that means nothing in this state leaves it as it is. */
export function nextSessionState(state: SessionState, event: SessionEvent): SessionState {
  return table[state][event] ?? state;
}
