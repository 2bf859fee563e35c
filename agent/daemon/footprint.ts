// Keeps the daemon small: some time after its start, and every few minutes, the pages of its program that are
// not in use are given back (host/resident-pages.ts). It runs beside everything else and fails nothing.
import type { Logger } from 'pino';
import { releaseFilePages } from '../host/resident-pages.ts';

/** By then the tunnel stands, and the host has been looked at once. */
const firstMs = 30_000;
const againMs = 300_000;

export interface FootprintOptions {
  readonly logger: Pick<Logger, 'debug' | 'warn'>;
  readonly signal: AbortSignal;
  readonly release?: () => number | undefined;
  /** Ends early with the signal. */
  readonly wait: (ms: number) => Promise<void>;
}

/**
 * Ends with the signal, or at once where pages can't be given back: without the addon,
 * or where it can't be loaded.
 */
export async function keepSmall({
  logger,
  signal,
  release = () => releaseFilePages(),
  wait,
}: FootprintOptions): Promise<void> {
  for (await wait(firstMs); !signal.aborted; await wait(againMs)) {
    try {
      const releasedBytes = release();
      if (releasedBytes === undefined) return;
      logger.debug({ releasedBytes }, 'pages of the program were given back');
    } catch (error) {
      logger.warn({ err: error }, 'pages of the program could not be given back');
      return;
    }
  }
}
