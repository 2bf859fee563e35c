// The device of the route to the gateway must be up and have carrier. Checks of what
// lies beyond depend on this one.
import { define, fail, ok, skip } from '../check.ts';
import { linkNamed } from '../observation/links.ts';
import { withRoute } from '../opening.ts';

export const linkState = define({
  code: 'LINK_STATE',
  id: 'link-state',
  group: 'line',
  severity: 'blocking',
  dependsOn: ['GATEWAY_ROUTE'],
  run: withRoute(async (host, { device }) => {
    const link = await linkNamed(host, device);
    if (link === undefined) return skip('unreadable', device);
    const flags = link.flags.join(',');
    return link.flags.includes('UP') && !link.flags.includes('NO-CARRIER')
      ? ok(`${device}: up`)
      : fail('down', `${device}: ${flags}`, 'UP, carrier', { device, flags });
  }),
});
