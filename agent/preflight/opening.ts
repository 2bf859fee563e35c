// How checks begin that only make sense sometimes: each of these runs a check when its condition holds, hands
// it what it would have looked up first, and else skips it with the reason. So a check's own code begins
// where the comparing begins.
import type { Host } from '../host/host.ts';
import { type Outcome, type PreflightContext, skip } from './check.ts';
import { type GatewayRoute, type GatewayTarget, gatewayRoute, gatewayTarget } from './observation/gateway.ts';
import { isJoined } from './observation/joined.ts';

type Run<Problem extends string> = (host: Host, context: PreflightContext) => Promise<Outcome<Problem>>;

/** For pools whose network is Cilium. */
export function forCilium<Problem extends string>(run: Run<Problem>): Run<Problem> {
  return async (host, context) => (context.networkMode === 'cilium' ? run(host, context) : skip('notCilium'));
}

/** For hosts that are no nodes yet: afterwards the same things are our own. */
export function beforeJoin<Problem extends string>(run: Run<Problem>): Run<Problem> {
  return async (host, context) => ((await isJoined(host)) ? skip('joined') : run(host, context));
}

/** When a gateway was given by an https URL; GATEWAY_NAME says when it is none. */
export function withGateway<Problem extends string>(
  run: (host: Host, target: GatewayTarget, context: PreflightContext) => Promise<Outcome<Problem>>,
): Run<Problem> {
  return async (host, context) => {
    const target = gatewayTarget(context);
    return target === undefined ? skip('noGateway') : run(host, target, context);
  };
}

/** When there is a route to the gateway; GATEWAY_ROUTE says when there is none. */
export function withRoute<Problem extends string>(
  run: (host: Host, route: GatewayRoute, target: GatewayTarget) => Promise<Outcome<Problem>>,
): Run<Problem> {
  return withGateway(async (host, target, context) => {
    const route = await gatewayRoute(host, context);
    return route === undefined ? skip('noGateway') : run(host, route, target);
  });
}
