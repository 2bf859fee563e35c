// An API server that can't be reached is waited for, with growing pauses; any other refusal ends the start.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { Fault } from '../../protocol/catalogue/fault.ts';

export async function reachable(
  probe: () => Promise<void>,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  for (let attempt = 1; !signal.aborted; attempt++) {
    try {
      return await probe();
    } catch (error) {
      if (!(error instanceof Fault && error.code === 'KUBERNETES_UNREACHABLE')) throw error;
      const pauseMs = Math.min(15_000, 500 * 2 ** attempt) * (0.5 + Math.random() / 2);
      logger.warn(
        { ...error.explain(), code: error.code, nextTryMs: Math.round(pauseMs) },
        'waiting for Kubernetes',
      );
      await sleep(pauseMs, undefined, { signal }).catch(() => {});
    }
  }
}
