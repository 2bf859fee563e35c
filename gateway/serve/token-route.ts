// POST /v1/join/token: whether a join token would be good, asked by install.sh before it downloads anything.
// Nothing is taken, and nothing is told that a join would not tell; who is refused again and again waits, as
// at a join. A use that is gone is held against a host that has no key yet; one that has may be asking for an
// answer that it lost. A good token may be asked about without end and is no burden: the API server is read
// once in two seconds for each token and address.
import { createHash } from 'node:crypto';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { versionSchema } from '../../protocol/grammar.ts';
import { type TokenCheckResponse, tokenCheckRequestSchema } from '../../protocol/messages/join.ts';
import { readFromPeer } from '../../protocol/messages/newer-peer.ts';
import { checkToken, tokenId } from '../join/token.ts';
import type { Kubernetes } from '../kubernetes/kubernetes.ts';
import { answerJson, faultFor, readJson } from '../port/answer.ts';
import { httpStatus } from '../port/http-status.ts';
import { limits } from '../port/limits.ts';
import type { Exchange } from '../port/route.ts';
import { nodePools } from '../resources/node-pool.ts';
import type { Claim } from './join-patience.ts';
import type { JoinRouteOptions } from './join-route.ts';
import { RecentAnswers } from './recent-answers.ts';

const keptMs = 2_000;

export function tokenRoute({
  desk,
  audit,
  counters,
  patience,
}: Pick<JoinRouteOptions, 'desk' | 'audit' | 'counters' | 'patience'>): (
  exchange: Exchange,
) => Promise<void> {
  const recent = new RecentAnswers<TokenCheckResponse>(
    { keptMs, remembered: limits.rememberedAddresses },
    desk.now,
  );
  return async ({ request, response, address }) => {
    let id = '?';
    let claim: Claim = { address };
    try {
      const parsed = readFromPeer(tokenCheckRequestSchema, await readJson(request));
      if (!parsed.success) throw new Fault('REQUEST_MALFORMED', { detail: 'no question about a token' });
      const { token, hasKey } = parsed.data;
      id = tokenId(token) ?? '?';
      claim = { address, token };
      const question = createHash('sha256').update(`${address} ${hasKey} ${token}`).digest('base64');
      const ask = () => recent.get(question, () => look(desk, token, hasKey, address));
      answerJson(response, 200, await patience.judged(claim, ask));
    } catch (error) {
      const told = await patience.refusal(claim, error);
      const { code } = faultFor(told);
      if (httpStatus(code) < 500) counters.joins.inc({ outcome: 'refused', code });
      if (httpStatus(code) < 500 && code !== 'TOO_MANY_REQUESTS') {
        const news = await patience.news(claim);
        if (news) audit.record({ event: 'join', outcome: 'refused', code, address, token: id, ...news });
      }
      throw told;
    }
  };
}

async function look(
  { kubernetes, now }: JoinRouteOptions['desk'],
  text: string,
  hasKey: boolean,
  source: string,
): Promise<TokenCheckResponse> {
  try {
    const { pool } = await checkToken(kubernetes, text, { source }, now());
    return await aboutPool(kubernetes, pool);
  } catch (error) {
    if (hasKey && error instanceof Fault && error.code === 'TOKEN_USED_UP')
      return aboutPool(kubernetes, String(error.values.pool));
    throw error;
  }
}

async function aboutPool(kubernetes: Kubernetes, pool: string): Promise<TokenCheckResponse> {
  const found = await kubernetes.get(nodePools, pool);
  if (found === undefined) throw new Fault('POOL_NOT_FOUND', { pool });
  const { data } = versionSchema.safeParse(found.spec.kubernetesVersion);
  return { pool, ...(data === undefined ? {} : { kubernetesVersion: data }) };
}
