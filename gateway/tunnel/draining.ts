// How a replica gives its sessions away before it stops: every agent is asked to move, each after its
// own delay, so that they do not arrive elsewhere all at once; what has not gone when the grace is
// over gets its end in order.
import type { TunnelClock } from '../../protocol/tunnel/clock.ts';
import type { Session } from '../../protocol/tunnel/session.ts';

/**
 * After the grace of a stop: for what is underway in streams that were ended, and
 * for the answers of their ends.
 */
export const finishMs = 5_000;

export interface Draining {
  readonly clock: TunnelClock;
  /** Those that are still here. */
  readonly sessions: () => Session[];
  readonly count: () => number;
  readonly onClose: (listener: () => void) => void;
}

/**
 * Delays lie within half of `graceMs`. Resolves when all have gone; when the grace is over, what is left of
 * streams gets its FIN after what is under way, and has a few seconds more.
 */
export async function drainSessions(
  { clock, sessions, count, onClose }: Draining,
  graceMs: number,
): Promise<void> {
  const all = sessions();
  const gone = Promise.withResolvers<void>();
  let timer = clock.after(graceMs, () => {
    for (const session of sessions()) session.finish();
    timer = clock.after(finishMs, gone.resolve);
  });
  onClose(() => {
    if (count() === 0) gone.resolve();
  });
  for (const [index, session] of all.entries()) {
    session.drain(Math.round(((index + Math.random()) / all.length) * (graceMs / 2)));
  }
  if (all.length > 0) await gone.promise;
  timer.cancel();
}
