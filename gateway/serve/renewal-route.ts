// POST /v1/node/renew: who asks was decided by the certificate, expired or not; this bounds the
// request and writes down how it ended. A node that asks without end is made to wait, since
// each answer is a write to etcd.
import { Fault } from '../../protocol/catalogue/fault.ts';
import { renewRequestSchema } from '../../protocol/messages/join.ts';
import { readFromPeer } from '../../protocol/messages/newer-peer.ts';
import { TokenBuckets } from '../../protocol/rate/token-bucket.ts';
import type { Audit } from '../audit/audit.ts';
import type { Counters } from '../audit/counters.ts';
import type { NodeIdentity, PeerCertificate } from '../join/client-certificate.ts';
import { type RenewalDesk, renewCertificate } from '../join/renewal.ts';
import { answerJson, faultFor, readJson } from '../port/answer.ts';
import { limits } from '../port/limits.ts';
import type { Exchange } from '../port/route.ts';

export interface RenewalRouteOptions {
  readonly desk: RenewalDesk & { readonly now: () => number };
  readonly audit: Audit;
  readonly counters: Pick<Counters, 'renewals'>;
}

type Run = (exchange: Exchange, node: NodeIdentity, certificate: PeerCertificate) => Promise<void>;

export function renewalRoute({ desk, audit, counters }: RenewalRouteOptions): Run {
  const renewals = new TokenBuckets(limits.renewals, limits.rememberedNodes);
  return async ({ request, response, address }, node, certificate) => {
    const expired = certificate.expiresAtMs <= desk.now();
    const about = { event: 'renewal', node: node.name, pool: node.pool, address, expired };
    try {
      if (!renewals.take(node.name, 1, desk.now())) {
        const seconds = renewals.waitSeconds(node.name, 1, desk.now());
        throw new Fault('TOO_MANY_REQUESTS', { address, seconds });
      }
      const parsed = readFromPeer(renewRequestSchema, await readJson(request));
      if (!parsed.success) throw new Fault('REQUEST_MALFORMED', { detail: 'csrPem is missing' });
      const { serial, ...answer } = await renewCertificate(
        desk,
        node,
        certificate.serial,
        parsed.data.csrPem,
      );
      counters.renewals.inc({ outcome: 'accepted', code: '' });
      audit.record({ ...about, outcome: 'accepted', from: certificate.serial, to: serial });
      answerJson(response, 200, answer);
    } catch (error) {
      const { code } = faultFor(error);
      counters.renewals.inc({ outcome: 'refused', code });
      if (code !== 'TOO_MANY_REQUESTS') audit.record({ ...about, outcome: 'refused', code });
      throw error;
    }
  };
}
