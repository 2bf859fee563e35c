// What a shipper is given, and what it needs of the spool.
import type { TelemetryChannel } from '../../../protocol/messages/session.ts';
import type { Spool, SpoolOptions } from '../spool/spool.ts';
import type { WallAndMonotonic } from '../time-base.ts';

export interface ShipperOptions {
  readonly memory: SharedArrayBuffer;
  readonly channel: TelemetryChannel;
  readonly clock: WallAndMonotonic;
  /** The monotonic time at which the ring's Δms are 0. */
  readonly startMs: number;
  /** A new name for the live records, when those before are the spool's; rises. */
  readonly newEpoch?: () => number;
  /** Made once the ring is open; without it a full ring loses records. */
  readonly spool?: (parts: SpoolParts) => ShipperSpool | undefined;
  /** Unacknowledged bytes on the way at a time. Default 1 MiB. */
  readonly windowBytes?: number;
  /** Sent and released, but not acknowledged for so long: sent again. Default 15 000. */
  readonly acknowledgementTimeoutMs?: number;
  /** How long to leave a channel alone that took nothing. Default 250. */
  readonly retryMs?: number;
}

export const shipperDefaults = { windowBytes: 1 << 20, acknowledgementTimeoutMs: 15_000, retryMs: 250 };

/** What the spool gets from the shipper. */
type SpoolParts = Pick<SpoolOptions, 'ring' | 'timeBase' | 'describe' | 'onProgress' | 'epoch'>;

/** What the shipper needs of the spool. */
export type ShipperSpool = Pick<
  Spool,
  | 'durablePosition'
  | 'holdPosition'
  | 'isWriting'
  | 'acknowledgedRecords'
  | 'lostRecords'
  | 'published'
  | 'acknowledged'
  | 'handOver'
  | 'resend'
>;
