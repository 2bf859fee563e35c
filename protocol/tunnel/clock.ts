// Time for the tunnel, so that tests can turn it by hand. `defer` runs after all that has already arrived has
// been looked at: what a whole turn of the event loop wants to send leaves in one write.

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

export const realClock: TunnelClock = {
  nowMs: () => performance.now(),
  dateMs: () => Date.now(),
  after(milliseconds, action) {
    const timer = setTimeout(action, milliseconds);
    return { cancel: () => clearTimeout(timer) };
  },
  defer: (action) => void setImmediate(action),
};
