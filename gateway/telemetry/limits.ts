// What one node may take of the gateway, each with its unit; what is over it is refused and
// counted under the reason's name.

import type { BucketLimits } from '../../protocol/rate/token-bucket.ts';

export interface TelemetryLimits {
  /** Bytes of batches, sustained, and how much of it at once. */
  readonly bytesPerSecond: number;
  readonly burstBytes: number;
  /** Heartbeats that are handed on as samples; the latest is shown in any case. */
  readonly heartbeats: BucketLimits;
  /** Series groups and columns (series) that are in force at a time. */
  readonly groups: number;
  readonly series: number;
  /**
   * Characters of names and labels of all of those series as a page shows them: each series
   * repeats its group's labels.
   */
  readonly labelCharacters: number;
  /** Epochs whose high-water marks are remembered; the one used least recently goes. */
  readonly epochs: number;
}

export const defaultTelemetryLimits: TelemetryLimits = {
  bytesPerSecond: 1024 * 1024,
  burstBytes: 16 * 1024 * 1024,
  heartbeats: { burst: 60, perSecond: 2 },
  groups: 2048,
  series: 20_000,
  labelCharacters: 8 * 1024 * 1024,
  epochs: 32,
};
