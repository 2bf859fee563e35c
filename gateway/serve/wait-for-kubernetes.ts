// Waits for an API server at the gateway's start, with growing pauses: for one that cannot be reached,
// and for one that is only starting. The latter refuses what it would allow a moment later, since it
// has not read its roles and its custom resources yet; /readyz tells the two apart. A refusal by one
// that is ready ends the start.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { Kubernetes } from '../kubernetes/kubernetes.ts';

/** For one that refuses and does not say that it is ready: it may not let us ask. */
const startingPatienceMs = 60_000;
const longestPauseMs = 15_000;

export async function reachable(
  kubernetes: Pick<Kubernetes, 'request'>,
  probe: () => Promise<void>,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  let waitedMs = 0;
  let isReady = false;
  for (let attempt = 1; !signal.aborted; attempt++) {
    try {
      return await probe();
    } catch (error) {
      const isAway = error instanceof Fault && error.code === 'KUBERNETES_UNREACHABLE';
      if (!isAway && (isReady || waitedMs > startingPatienceMs)) throw error;
      isReady = !isAway && (await saysReady(kubernetes));
      // What it refused, it may have refused before it was ready.
      if (isReady) continue;
      const pauseMs = Math.min(longestPauseMs, 500 * 2 ** attempt) * (0.5 + Math.random() / 2);
      waitedMs = isAway ? 0 : waitedMs + pauseMs;
      logger.warn({ ...told(error), nextTryMs: Math.round(pauseMs) }, 'waiting for Kubernetes');
      await sleep(pauseMs, undefined, { signal }).catch(() => {});
    }
  }
}

const saysReady = (kubernetes: Pick<Kubernetes, 'request'>) =>
  kubernetes.request('GET', '/readyz').then(
    () => true,
    () => false,
  );

const told = (error: unknown) =>
  error instanceof Fault ? { ...error.explain(), code: error.code } : { err: error };
