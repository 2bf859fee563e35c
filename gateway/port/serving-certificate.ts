// Keeps the gateway's own certificates fresh: issued at start with a new key, again after two thirds of their
// life. One for the public port, one among replicas.
import type { Logger } from 'pino';
import type { Authority, IssuedCertificate } from '../join/authority.ts';
import type { PortCertificate } from './certificate.ts';

const checkIntervalMs = 3600_000;

export interface ServingCertificate {
  readonly current: PortCertificate;
  /** Calls `renewed` with each new certificate. */
  keepFresh(renewed: (tls: PortCertificate) => void): void;
  /** A new one at once: the CA was rotated. */
  renew(): Promise<PortCertificate>;
  stop(): void;
}

export function issueServingCertificate(
  authority: Authority,
  publicUrl: URL,
  logger: Logger,
  now: () => number,
): Promise<ServingCertificate> {
  const host = publicUrl.hostname.replace(/^\[(.*)\]$/, '$1');
  return issueFresh(authority, () => authority.issueServing(host), logger, now);
}

export function issueReplicaCertificate(
  authority: Authority,
  name: string,
  logger: Logger,
  now: () => number,
): Promise<ServingCertificate> {
  return issueFresh(authority, () => authority.issueReplica(name), logger, now);
}

async function issueFresh(
  authority: Authority,
  make: () => Promise<IssuedCertificate & { keyPem: string }>,
  logger: Logger,
  now: () => number,
): Promise<ServingCertificate> {
  const issue = async () => {
    const { certificatePem, keyPem, expiresAtMs } = await make();
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
