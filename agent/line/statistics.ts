// Numbers of a series of round trips. Pure.

export interface RoundTrips {
  readonly minMs: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Mean difference of neighbours, in the order in which they were sent. */
  readonly jitterMs: number;
}

/** undefined for none. */
export function summarizeRoundTrips(inOrder: readonly number[]): RoundTrips | undefined {
  if (inOrder.length === 0) return undefined;
  const sorted = inOrder.toSorted((a, b) => a - b);
  const differences = inOrder.slice(1).map((value, index) => Math.abs(value - (inOrder[index] ?? value)));
  const sum = differences.reduce((total, value) => total + value, 0);
  return {
    minMs: rounded(percentile(sorted, 0)),
    p50Ms: rounded(percentile(sorted, 50)),
    p90Ms: rounded(percentile(sorted, 90)),
    p99Ms: rounded(percentile(sorted, 99)),
    maxMs: rounded(percentile(sorted, 100)),
    jitterMs: rounded(differences.length > 0 ? sum / differences.length : 0),
  };
}

/** Nearest rank: always a value that was measured. */
export function percentile(sorted: readonly number[], percent: number): number {
  const rank = Math.max(1, Math.ceil((percent / 100) * sorted.length));
  return sorted[rank - 1] ?? Number.NaN;
}

export interface TimeSample {
  /** By the host's clock, the gateway's, the gateway's, the host's: sent, received, answered, received. */
  readonly times: readonly [number, number, number, number];
  /** By the host's monotonic clock, so that a clock that is set meanwhile shows. */
  readonly roundTripMs: number;
}

export interface ClockOffset {
  /** Positive: this host is ahead of the gateway. */
  readonly offsetMs: number;
  /** The truth lies within ± this, unless the ways there and back differ by more than the whole. */
  readonly uncertaintyMs: number;
  readonly samples: number;
}

/** Of the sample with the shortest way: whatever else delayed a packet is an error of the others. */
export function clockOffset(samples: readonly TimeSample[]): ClockOffset | undefined {
  const [best] = samples.toSorted((a, b) => a.roundTripMs - b.roundTripMs);
  if (best === undefined) return undefined;
  const [sent, received, answered, back] = best.times;
  const offsetMs = -((received - sent + (answered - back)) / 2);
  const onTheWayMs = Math.max(0, best.roundTripMs - (answered - received));
  // Date.now() has whole milliseconds at each end.
  return { offsetMs: rounded(offsetMs), uncertaintyMs: rounded(onTheWayMs / 2 + 1), samples: samples.length };
}

export function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
