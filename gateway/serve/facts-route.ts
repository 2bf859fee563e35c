// POST /v1/node/facts: what a joined host says of itself again. Who asks was decided by the certificate, and
// how often by the node's budget; this bounds the request and writes down what came of it.
import { Fault } from '../../protocol/catalogue/fault.ts';
import { factsRequestSchema } from '../../protocol/messages/join.ts';
import { readFromPeer } from '../../protocol/messages/newer-peer.ts';
import type { Audit } from '../audit/audit.ts';
import { heldRegistration, type NodeIdentity, type PeerCertificate } from '../join/client-certificate.ts';
import { type RestatementDesk, restate } from '../join/restatement.ts';
import { answerJson, readJson } from '../port/answer.ts';
import type { Exchange } from '../port/route.ts';

export interface FactsRouteOptions {
  readonly desk: RestatementDesk;
  readonly audit: Audit;
}

type Run = (exchange: Exchange, node: NodeIdentity, certificate: PeerCertificate) => Promise<void>;

export function factsRoute({ desk, audit }: FactsRouteOptions): Run {
  return async ({ request, response, address }, { name, pool }, certificate) => {
    const parsed = readFromPeer(factsRequestSchema, await readJson(request));
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      const detail = `${issue?.path.join('.') || 'body'}: ${issue?.message}`;
      throw new Fault('REQUEST_MALFORMED', { detail });
    }
    const registered = await heldRegistration(desk.kubernetes, name, certificate);
    const { answer, addressesBefore, factsChanged } = await restate(
      desk,
      registered,
      parsed.data.facts,
      address,
    );
    const { addresses, refused } = answer;
    const about = { event: 'facts', node: name, pool, address };
    if (addressesBefore)
      audit.record({ ...about, outcome: 'accepted', from: addressesBefore, to: addresses });
    if (refused && factsChanged)
      audit.record({ ...about, outcome: 'refused', code: 'ADDRESS_NOT_OWNED', refused });
    answerJson(response, 200, answer);
  };
}
