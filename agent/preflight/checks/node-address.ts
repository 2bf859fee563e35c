// The node is known by the source address of its route to the gateway; it must mean this host to everybody.
import { define, fail, ok, skip, warn } from '../check.ts';
import { isOfHostOnly, isPrivate } from '../observation/addresses.ts';
import { gatewayRoute, gatewayTarget } from '../observation/gateway.ts';

export const nodeAddress = define({
  code: 'NODE_ADDRESS',
  id: 'node-address',
  group: 'line',
  severity: 'blocking',
  dependsOn: ['GATEWAY_ROUTE', 'GATEWAY_ADDRESS'],
  async run(host, context) {
    if (gatewayTarget(context) === undefined) return skip('noGateway');
    const route = await gatewayRoute(host, context);
    const address = route?.source ?? '';
    const values = { address, device: route?.device ?? '' };
    if (address === '' || isOfHostOnly(address))
      return fail('unusable', address || 'none', '≠ 127/8, 169.254/16', values);
    return isPrivate(address) ? ok(address) : warn('public', address, 'RFC 1918', values);
  },
});
