// A private line leads to private addresses. A public one means that the way goes over the internet, or will
// as soon as somebody changes a route.
import { define, fail, ok } from '../check.ts';
import { isOfHostOnly, isPrivate } from '../observation/addresses.ts';
import { gatewayAddresses } from '../observation/gateway.ts';
import { withGateway } from '../opening.ts';

export const gatewayAddress = define({
  code: 'GATEWAY_ADDRESS',
  id: 'gateway-address',
  group: 'line',
  severity: 'blocking',
  dependsOn: ['GATEWAY_NAME'],
  run: withGateway(async (host, target) => {
    const addresses = await gatewayAddresses(host, target);
    const threshold = '10/8, 172.16/12, 192.168/16, 100.64/10, fc00::/7';
    const own = addresses.find(isOfHostOnly);
    if (own !== undefined) return fail('ownHost', own, threshold, { address: own });
    const open = addresses.find((address) => !isPrivate(address));
    return open === undefined
      ? ok(addresses.join(', '), threshold)
      : fail('public', open, threshold, { address: open });
  }),
});
