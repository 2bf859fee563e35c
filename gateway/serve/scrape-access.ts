// Who may read the status port. With a token file, only who shows that token (probes excepted); without one,
// metrics are for whoever can reach the port, and what goes through to kubelets for this machine alone. The
// file is read for each request: a new token is valid at once.
import { createHash, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { Fault } from '../../protocol/catalogue/fault.ts';

export interface ScrapeAccess {
  /** Throws the fault when the asker may not; `isKubelet`: it would reach a kubelet. */
  check(request: IncomingMessage, isKubelet: boolean): Promise<void>;
}

export function scrapeAccess(tokenFile: string | undefined): ScrapeAccess {
  return {
    async check(request, isKubelet) {
      if (tokenFile !== undefined) {
        // Prometheus 2.42 leaves out the word "Bearer" when it asks for the list of an http_sd_configs.
        const shown = /^(?:Bearer\s+)?(\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
        if (!isSame(shown, await readToken(tokenFile))) throw new Fault('SCRAPE_UNAUTHORIZED');
      } else if (isKubelet && !isLoopback(request.socket.remoteAddress)) {
        throw new Fault('SCRAPE_NOT_LOCAL', { address: request.socket.remoteAddress ?? '?' });
      }
    },
  };
}

/** Throws CREDENTIAL_UNREADABLE, also for an empty one, which anybody could show. */
export async function readToken(file: string): Promise<string> {
  const unreadable = (detail: string, cause?: unknown) =>
    new Fault('CREDENTIAL_UNREADABLE', { file, detail }, { cause });
  const token = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw unreadable(cause.code ?? cause.message, cause);
  });
  if (token.trim() === '') throw unreadable('it is empty');
  return token.trim();
}

function isSame(shown: string, expected: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(shown), hash(expected));
}

function isLoopback(address = ''): boolean {
  return /^(?:::ffff:)?127\./.test(address) || address === '::1';
}
