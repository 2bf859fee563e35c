// Keeps the doctor's record fresh while the daemon runs, so that whoever calls the doctor in trouble has
// something to compare with. It judges nothing and reports nothing: conditions are others' business.
import type { Logger } from 'pino';
import type { Host } from '../host/host.ts';
import { diagnose } from './diagnose.ts';

const firstMs = 60_000;
const everyMs = 5 * 60_000;

export async function keepRecord(
  host: Host,
  { logger, signal }: { logger: Logger; signal: AbortSignal },
): Promise<void> {
  for (let pauseMs = firstMs; !signal.aborted; pauseMs = everyMs) {
    await host.clock.sleep(pauseMs, signal).catch(() => undefined);
    if (signal.aborted) return;
    try {
      const { remember } = await diagnose(host, 'en', signal);
      // What was cut off half-way says nothing.
      if (!signal.aborted) await remember();
    } catch (error) {
      logger.warn({ error }, 'what works now was not written down');
    }
  }
}
