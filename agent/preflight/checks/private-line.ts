// TKE's rule for registered nodes: Direct Connect or CCN, never a VPN. The device of the route to the
// gateway must not wrap packets, and no IPsec policy may take them. When the device cannot be told, this
// warns: it never passes in silence.
import { define, fail, ok, warn } from '../check.ts';
import { deviceNature } from '../observation/devices.ts';
import { gatewayRoute } from '../observation/gateway.ts';
import { encryptingPolicy } from '../observation/ipsec.ts';
import { links } from '../observation/links.ts';
import { withGateway } from '../opening.ts';

const threshold = '≠ tun, tap, wireguard, ppp, ipsec, gre, vxlan';

export const privateLine = define({
  code: 'PRIVATE_LINE',
  id: 'private-line',
  group: 'line',
  severity: 'blocking',
  dependsOn: ['GATEWAY_ROUTE', 'GATEWAY_ADDRESS'],
  run: withGateway(async (host, _target, context) => {
    const route = await gatewayRoute(host, context);
    if (route === undefined) return warn('unknown', 'none', threshold, { device: '?' });
    const nature = deviceNature((await links(host)) ?? [], route.device);
    const values = { device: route.device, detail: nature.detail, address: route.address };
    if (nature.kind === 'tunnel') return fail('vpn', nature.detail, threshold, values);
    if (nature.kind === 'unknown') return warn('unknown', nature.detail, threshold, values);
    const policy = await encryptingPolicy(host, route.address);
    return policy === undefined
      ? ok(`${nature.detail} (${nature.kind})`, threshold)
      : fail('ipsec', `xfrm policy dst ${policy}`, threshold, { ...values, policy });
  }),
});
