// VXLAN takes 50 bytes of each packet. The device's MTU is only what this end believes; the path's own is
// measured by netcheck.
import { define, fail, ok, warn } from '../check.ts';
import { linkNamed } from '../observation/links.ts';
import { withRoute } from '../opening.ts';

const needed = 1280;
const recommended = 1400;

export const lineMtu = define({
  code: 'LINE_MTU',
  id: 'line-mtu',
  group: 'line',
  severity: 'blocking',
  dependsOn: ['GATEWAY_ROUTE'],
  run: withRoute(async (host, { device }) => {
    const found = await linkNamed(host, device);
    if (found === undefined) return warn('unknown', `${device}: ?`, `≥ ${needed}`, { device });
    const measured = `${device}: ${found.mtu}`;
    const values = { device, mtu: found.mtu, needed, recommended };
    if (found.mtu < needed) return fail('small', measured, `≥ ${needed}`, values);
    return found.mtu < recommended
      ? warn('tight', measured, `≥ ${recommended}`, values)
      : ok(measured, `≥ ${needed}`);
  }),
});
