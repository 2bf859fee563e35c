// A stream that this side opens, until it is answered: it is given up after a time limit or when the caller
// says so, and every outcome is told to its endpoint exactly once.
import type { Duplex } from 'node:stream';
import { Fault } from '../catalogue/fault.ts';
import type { StreamTarget } from '../messages/session.ts';
import type { TunnelClock } from './clock.ts';
import { StreamDuplex } from './duplex.ts';
import { ResetReason } from './frame.ts';
import type { SessionStream, StreamEndpoint } from './stream.ts';

/** Waits for the answer to an OPEN at most `milliseconds`. The function gives up waiting. */
export function awaitAnswer(
  stream: SessionStream,
  endpoint: StreamEndpoint,
  clock: TunnelClock,
  milliseconds: number,
): () => void {
  const giveUp = (fault: Fault) => {
    if (stream.state !== 'Opening') return;
    stream.reset(ResetReason.cancelled);
    endpoint.refused(fault);
  };
  const { target } = stream.target;
  const timer = clock.after(milliseconds, () =>
    giveUp(new Fault('TUNNEL_OPEN_TIMED_OUT', { target, milliseconds })),
  );
  stream.whenAnswered = () => timer.cancel();
  return () => giveUp(new Fault('TUNNEL_STREAM_RESET', { detail: 'cancelled' }));
}

/** The stream as a Duplex, once the peer has accepted it. */
export async function openDuplex(
  open: (target: StreamTarget, endpoint: StreamEndpoint) => () => void,
  target: StreamTarget,
  signal?: AbortSignal,
): Promise<Duplex> {
  const answered = Promise.withResolvers<Duplex>();
  const cancel = open(target, new StreamDuplex(answered.resolve, answered.reject));
  signal?.addEventListener('abort', cancel, { once: true });
  if (signal?.aborted) cancel();
  try {
    return await answered.promise;
  } finally {
    signal?.removeEventListener('abort', cancel);
  }
}
