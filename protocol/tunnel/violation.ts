// What a peer can do against the protocol, by kind: the name under which it is counted, logged and
// audited. The detail is for people, the kind for graphs and alarms; a new kind is a new row here
// and in README.md beside it.

import { Fault } from '../catalogue/fault.ts';
import { tellDefect } from '../defect.ts';

const violationKinds = {
  'frame-size': 'a payload longer or shorter than its type allows, or cut off by the end of its message',
  'frame-type': 'a type of frame that nobody knows',
  'frame-header': 'flags, reserved bytes, or a stream where the session is meant',
  'frame-order': 'a frame that may not come now, or not from this side',
  message:
    "a websocket message that is too long, in too many pieces, text, or against the websocket's own rules",
  payload: 'JSON that is none, or not as agreed',
  'packed-telemetry':
    'a packed batch that cannot be unpacked, or not within its limits, or more of them than may be packed',
  version: 'a HELLO of another version',
  'stream-number': 'a number of the other side, one that was used before, or of a stream that never was',
  'stream-state': 'a frame that its stream does not allow in its state',
  credit: 'more bytes than were granted',
  acknowledgement: 'an acknowledgement of what was not sent',
  unread: 'so much is owed to a peer that takes nothing',
  reports: 'more reports of the node than are taken; the latest waits for its turn',
  mistakes: 'more mistakes on streams than are forgiven',
  defect:
    'what came made this end fail: a mistake here, logged with its stack; the session ends, the process does not',
} as const;

export type ViolationKind = keyof typeof violationKinds;

export function invalid(kind: ViolationKind, detail: string): Fault {
  return new Fault('TUNNEL_FRAME_INVALID', { kind, detail });
}

/**
 * For whatever was thrown while something of the peer was looked at. What is no fault is a
 * defect of this end, and is told.
 */
export function faultOf(error: unknown, where: string): Fault {
  if (error instanceof Fault) return error;
  tellDefect(where, error);
  return invalid('defect', 'this end could not deal with it');
}

/** A fault that came from elsewhere in the middle of a frame counts as its payload. */
export function violationKind({ values }: Fault): ViolationKind {
  const { kind } = values;
  return typeof kind === 'string' && Object.hasOwn(violationKinds, kind)
    ? (kind as ViolationKind)
    : 'payload';
}
