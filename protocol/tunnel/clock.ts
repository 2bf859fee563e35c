// Time for the tunnel, so that tests can turn it by hand. `defer` runs after all that has already arrived has
// been looked at: what a whole turn of the event loop wants to send leaves in one write. What an action
// throws is told as a defect and ends nothing.
import { contained } from '../defect.ts';

export interface TunnelTimer {
  cancel(): void;
}

export interface TunnelClock {
  /** Monotonic. */
  nowMs(): number;
  /** Since the Unix epoch, for records. */
  dateMs(): number;
  after(milliseconds: number, action: () => void): TunnelTimer;
  defer(action: () => void): void;
}

/** Node's timers: one that is to wait longer would not wait at all. */
const longestMs = 0x7fff_ffff;

export const realClock: TunnelClock = {
  nowMs: () => performance.now(),
  dateMs: () => Date.now(),
  after(milliseconds, action) {
    const timer = setTimeout(() => contained('tunnel timer', action), Math.min(milliseconds, longestMs));
    return { cancel: () => clearTimeout(timer) };
  },
  defer: (action) => void setImmediate(() => contained('tunnel turn', action)),
};
