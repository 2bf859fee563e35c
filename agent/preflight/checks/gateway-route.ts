// Without a route nothing else on the line can be asked.
import { define, fail, ok, skip } from '../check.ts';
import { gatewayRoute, gatewayTarget } from '../observation/gateway.ts';

export const gatewayRouteCheck = define({
  code: 'GATEWAY_ROUTE',
  id: 'gateway-route',
  group: 'line',
  severity: 'blocking',
  dependsOn: ['GATEWAY_NAME'],
  async run(host, context) {
    const target = gatewayTarget(context);
    if (target === undefined) return skip('noGateway');
    const route = await gatewayRoute(host, context);
    return route === undefined
      ? fail('none', `${target.name}: none`, 'ip route get', { gateway: target.name })
      : ok(`${route.address} dev ${route.device} src ${route.source}`);
  },
});
