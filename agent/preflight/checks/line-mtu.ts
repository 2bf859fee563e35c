// VXLAN takes 50 bytes of each packet. The device's MTU is only what this end believes; the path's own is
// measured by netcheck.
import { define, fail, ok, skip, warn } from '../check.ts';
import { gatewayRoute } from '../observation/gateway.ts';
import { linkNamed } from '../observation/links.ts';

const needed = 1280;
const recommended = 1400;

export const lineMtu = define({
  code: 'LINE_MTU',
  id: 'line-mtu',
  group: 'line',
  severity: 'blocking',
  dependsOn: ['GATEWAY_ROUTE'],
  async run(host, context) {
    const route = await gatewayRoute(host, context);
    if (route === undefined) return skip('noGateway');
    const { device } = route;
    const found = await linkNamed(host, device);
    if (found === undefined) return warn('unknown', `${device}: ?`, `≥ ${needed}`, { device });
    const measured = `${device}: ${found.mtu}`;
    const values = { device, mtu: found.mtu, needed, recommended };
    if (found.mtu < needed) return fail('small', measured, `≥ ${needed}`, values);
    return found.mtu < recommended
      ? warn('tight', measured, `≥ ${recommended}`, values)
      : ok(measured, `≥ ${needed}`);
  },
});
