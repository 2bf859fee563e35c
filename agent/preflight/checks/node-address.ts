// The node is known by the source address of its route to the gateway; it must mean this host to everybody.
import { define, fail, ok, warn } from '../check.ts';
import { isOfHostOnly, isPrivate } from '../observation/addresses.ts';
import { gatewayRoute } from '../observation/gateway.ts';
import { withGateway } from '../opening.ts';

export const nodeAddress = define({
  code: 'NODE_ADDRESS',
  id: 'node-address',
  group: 'line',
  severity: 'blocking',
  dependsOn: ['GATEWAY_ROUTE', 'GATEWAY_ADDRESS'],
  run: withGateway(async (host, _target, context) => {
    const route = await gatewayRoute(host, context);
    const address = route?.source ?? '';
    const values = { address, device: route?.device ?? '' };
    if (address === '' || isOfHostOnly(address))
      return fail('unusable', address || 'none', '≠ 127/8, 169.254/16', values);
    return isPrivate(address) ? ok(address) : warn('public', address, 'RFC 1918', values);
  }),
});
