// One line about the downloads that are running: the progress of each, and the rate and time
// left of all together. Pure.

const mebibyte = 1024 * 1024;

export interface Amount {
  /** Where it was when it was first heard of: what came before was another run's. */
  readonly firstBytes: number;
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export interface Download {
  readonly title: string;
  readonly sinceMs: number;
  readonly amount?: Amount;
}

/** `queuedBytes`: of downloads that haven't begun; they will come at the rate of those that run. */
export function downloadLine(downloads: readonly Download[], nowMs: number, queuedBytes = 0): string {
  const moving = downloads.flatMap(({ title, sinceMs, amount }) =>
    amount ? [{ title, sinceMs, amount }] : [],
  );
  const rate = moving.reduce((sum, { sinceMs, amount }) => sum + rateOf(amount, nowMs - sinceMs), 0);
  const leftBytes = moving.reduce(
    (sum, { amount }) => sum + amount.totalBytes - amount.doneBytes,
    queuedBytes,
  );
  const left = rate > 0 ? `, ${Math.ceil(leftBytes / rate)} s left` : '';
  const amounts = moving.map(
    // "fetch kubelet 1.20.2 (30.1 MiB)": the size is said beside what has come.
    ({ title, amount }) =>
      `${title.replace(/ \([^)]*\)$/, '')}: ${mib(amount.doneBytes)}/${mib(amount.totalBytes)} MiB`,
  );
  return `${amounts.join(', ')}, ${mib(rate)} MiB/s${left}`;
}

/** Bytes per second. */
export function rateOf({ firstBytes, doneBytes }: Amount, elapsedMs: number): number {
  return ((doneBytes - firstBytes) / Math.max(1, elapsedMs)) * 1000;
}

export function mib(bytes: number): string {
  return (bytes / mebibyte).toFixed(1);
}
