// Looks whether the CA was rotated, by another process, or whether a rotation has come to its end; `changed`
// then brings the new roots to where they are used.
import type { Logger } from 'pino';
import type { Authority } from '../join/authority.ts';
import { endRotation } from '../join/rotation.ts';
import type { Kubernetes } from '../kubernetes/kubernetes.ts';

const checkIntervalMs = 10_000;

export function watchAuthority(options: {
  readonly kubernetes: Kubernetes;
  readonly authority: Authority;
  readonly logger: Logger;
  readonly changed: () => Promise<void>;
}): { stop(): void } {
  const { kubernetes, authority, logger, changed } = options;
  let checking = false;
  let unfinished = false;
  const check = async () => {
    unfinished = (await authority.refresh()) || unfinished;
    if (!unfinished) return;
    await endRotation(kubernetes);
    await changed();
    unfinished = false;
    logger.info({ caSha256: authority.caSha256 }, 'other roots are trusted now');
  };
  const timer = setInterval(() => {
    if (checking) return;
    checking = true;
    check()
      .catch((error: unknown) => logger.warn({ err: error }, 'the CA was not read'))
      .finally(() => {
        checking = false;
      });
  }, checkIntervalMs);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}
