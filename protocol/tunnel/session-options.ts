// What a session is told when it is made, and what can be shown of it.
import type { Fault } from '../catalogue/fault.ts';
import type { SessionState } from '../messages/session.ts';
import type { TunnelClock } from './clock.ts';
import type { TunnelLimits } from './limits.ts';
import type { SessionStream } from './stream.ts';

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
  /** A CONTROL message of a kind that this release doesn't know; it is not acted on. */
  readonly onUnknownControl?: (kind: string) => void;
}

/** All bytes are payload. */
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
