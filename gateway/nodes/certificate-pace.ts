// How fast one kubelet's requests for certificates are decided. Each is parsed, written to the API server,
// audited and logged, and whoever has a kubelet's identity may make as many as the API server takes. A
// kubelet makes two in months, after a broken disk a few more.
import { TokenBuckets } from '../../protocol/rate/token-bucket.ts';
import type { CertificateSigningRequest } from '../kubernetes/kinds.ts';
import { clientSigner, servingSigner } from './kubelet-certificates.ts';

const limits = { burst: 20, perSecond: 1 / 10 };
const rememberedUsers = 20_000;

export class CertificatePace {
  readonly #requests = new TokenBuckets(limits, rememberedUsers);

  /** Milliseconds after which it is to be looked at; 0: now, and it counts. */
  waitMs({ spec: { signerName, username = '' } }: CertificateSigningRequest, nowMs: number): number {
    if (signerName !== clientSigner && signerName !== servingSigner) return 0;
    return this.#requests.take(username, 1, nowMs) ? 0 : this.#requests.waitMs(username, 1, nowMs);
  }
}
