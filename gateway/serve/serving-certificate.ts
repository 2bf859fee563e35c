// Keeps the gateway's own certificate fresh: issued at start with a new key, again after two thirds of its life.
import type { Logger } from 'pino';
import type { Authority } from '../join/authority.ts';
import type { PortCertificate } from './public-port.ts';

const checkIntervalMs = 3600_000;

export interface ServingCertificate {
  readonly current: PortCertificate;
  /** Calls `renewed` with each new certificate. */
  keepFresh(renewed: (tls: PortCertificate) => void): void;
  /** A new one at once: the CA was rotated. */
  renew(): Promise<PortCertificate>;
  stop(): void;
}

export async function issueServingCertificate(
  authority: Authority,
  publicUrl: URL,
  logger: Logger,
  now: () => number = Date.now,
): Promise<ServingCertificate> {
  const host = publicUrl.hostname.replace(/^\[(.*)\]$/, '$1');
  const issue = async () => {
    const { certificatePem, keyPem, expiresAtMs } = await authority.issueServing(host);
    return {
      renewAtMs: now() + ((expiresAtMs - now()) * 2) / 3,
      tls: { certificatePem, keyPem, caPem: authority.caPem },
    };
  };
  let held = await issue();
  let timer: NodeJS.Timeout | undefined;
  return {
    get current() {
      return held.tls;
    },
    keepFresh(renewed) {
      const check = async () => {
        if (now() < held.renewAtMs) return;
        held = await issue();
        renewed(held.tls);
        logger.info('serving certificate renewed');
      };
      timer = setInterval(() => {
        check().catch((error: unknown) => logger.error({ err: error }, 'serving certificate not renewed'));
      }, checkIntervalMs);
      timer.unref();
    },
    renew: async () => {
      held = await issue();
      return held.tls;
    },
    stop: () => clearInterval(timer),
  };
}
