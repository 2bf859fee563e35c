// There must be a route to the gateway; without it no other check of the line makes sense.
import { define, fail, ok } from '../check.ts';
import { gatewayRoute } from '../observation/gateway.ts';
import { withGateway } from '../opening.ts';

export const gatewayRouteCheck = define({
  code: 'GATEWAY_ROUTE',
  id: 'gateway-route',
  group: 'line',
  severity: 'blocking',
  dependsOn: ['GATEWAY_NAME'],
  run: withGateway(async (host, target, context) => {
    const route = await gatewayRoute(host, context);
    return route === undefined
      ? fail('none', `${target.name}: none`, 'ip route get', { gateway: target.name })
      : ok(`${route.address} dev ${route.device} src ${route.source}`);
  }),
});
