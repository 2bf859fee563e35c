// The question about a join token that comes before everything else, as install.sh asks it: a token that is
// no good is told before preflight, and before a key is made for it. It takes no use. What comes back about
// its pool is for preflight.
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { FaultCode } from '../../protocol/catalogue/index.ts';
import type { TokenCheckResponse } from '../../protocol/messages/join.ts';
import type { GatewayApi } from '../identity/gateway-api.ts';

/** A line that is down is preflight's to explain, and soon. */
const patienceMs = 5000;
/**
 * Whatever else comes back, from a gateway that doesn't know the question or doesn't answer,
 * decides nothing: the join will.
 */
const refusals: readonly FaultCode[] = [
  'TOKEN_INVALID',
  'TOKEN_EXPIRED',
  'TOKEN_USED_UP',
  'TOKEN_NOT_FOR_THIS_HOST',
  'POOL_NOT_FOUND',
];

export async function askAboutToken(
  gateway: Pick<GatewayApi, 'checkToken'>,
  token: string | undefined,
  hasKey: boolean,
  signal: AbortSignal,
): Promise<TokenCheckResponse | undefined> {
  if (token === undefined) return undefined;
  try {
    return await gateway.checkToken(
      token,
      hasKey,
      AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]),
    );
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Fault && refusals.includes(error.code)) throw error;
    return undefined;
  }
}
