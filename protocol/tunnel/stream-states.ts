// The life of one stream as a table: (state, event) → (state, effects). Both ends use it. An event of the
// peer that has no entry is a mistake of the peer (effects: violation); a local one without an entry comes
// too late and does nothing. Each direction ends by itself (FIN), a reset ends both at once.

export type StreamState =
  /** We sent OPEN and wait for the answer. */
  | 'Opening'
  /** The peer sent OPEN and waits for ours. */
  | 'Offered'
  | 'Open'
  /** We sent FIN; the peer may go on. */
  | 'FinSent'
  /** The peer sent FIN; we may go on. */
  | 'FinReceived'
  | 'Closed';

type PeerEvent = 'peerAccepts' | 'peerRefuses' | 'peerData' | 'peerCredit' | 'peerFin' | 'peerReset';
type LocalEvent = 'accept' | 'refuse' | 'fin' | 'reset' | 'sessionEnds';
export type StreamEvent = PeerEvent | LocalEvent;

export type StreamEffect =
  | 'sendOpenOk'
  | 'sendOpenErr'
  | 'sendFin'
  | 'sendRst'
  | 'grant'
  | 'deliver'
  | 'deliverEnd'
  | 'tellOpened'
  | 'tellRefused'
  | 'tellReset'
  | 'tellFinished'
  | 'violation';

export interface StreamStep {
  readonly next: StreamState;
  readonly effects: readonly StreamEffect[];
}

const step = (next: StreamState, ...effects: StreamEffect[]): StreamStep => ({ next, effects });

export const streamTable: Readonly<Record<StreamState, Partial<Record<StreamEvent, StreamStep>>>> = {
  Opening: {
    peerAccepts: step('Open', 'grant', 'tellOpened'),
    peerRefuses: step('Closed', 'tellRefused'),
    peerReset: step('Closed', 'tellReset'),
    reset: step('Closed', 'sendRst'),
    sessionEnds: step('Closed', 'tellReset'),
  },
  Offered: {
    peerReset: step('Closed', 'tellReset'),
    accept: step('Open', 'sendOpenOk', 'tellOpened'),
    refuse: step('Closed', 'sendOpenErr'),
    reset: step('Closed', 'sendRst'),
    sessionEnds: step('Closed', 'tellReset'),
  },
  Open: {
    peerData: step('Open', 'deliver'),
    peerCredit: step('Open', 'grant'),
    peerFin: step('FinReceived', 'deliverEnd'),
    peerReset: step('Closed', 'tellReset'),
    fin: step('FinSent', 'sendFin'),
    reset: step('Closed', 'sendRst'),
    sessionEnds: step('Closed', 'tellReset'),
  },
  FinSent: {
    peerData: step('FinSent', 'deliver'),
    // On its way while our FIN was.
    peerCredit: step('FinSent'),
    peerFin: step('Closed', 'deliverEnd', 'tellFinished'),
    peerReset: step('Closed', 'tellReset'),
    reset: step('Closed', 'sendRst'),
    sessionEnds: step('Closed', 'tellReset'),
  },
  FinReceived: {
    peerCredit: step('FinReceived', 'grant'),
    peerReset: step('Closed', 'tellReset'),
    fin: step('Closed', 'sendFin', 'tellFinished'),
    reset: step('Closed', 'sendRst'),
    sessionEnds: step('Closed', 'tellReset'),
  },
  Closed: {},
};

const peerEvents: ReadonlySet<StreamEvent> = new Set<PeerEvent>([
  'peerAccepts',
  'peerRefuses',
  'peerData',
  'peerCredit',
  'peerFin',
  'peerReset',
]);
const violation = step('Closed', 'sendRst', 'violation', 'tellReset');

export function nextStep(state: StreamState, event: StreamEvent): StreamStep {
  const found = streamTable[state][event];
  if (found) return found;
  return state !== 'Closed' && peerEvents.has(event) ? violation : { next: state, effects: [] };
}
