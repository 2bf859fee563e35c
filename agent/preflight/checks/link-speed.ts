// The link itself: up, and at 100 Mbit/s or more. Virtual devices state no speed, or one that means nothing.

import { numberIn } from '../../host/proc.ts';
import { define, ok, skip, warn } from '../check.ts';
import { linkNamed } from '../observation/links.ts';
import { withRoute } from '../opening.ts';

const neededMbps = 100;

export const linkSpeed = define({
  code: 'LINK_SPEED',
  id: 'link-speed',
  group: 'line',
  severity: 'advisory',
  dependsOn: ['GATEWAY_ROUTE'],
  run: withRoute(async (host, { device }) => {
    const [link, address] = await Promise.all([
      linkNamed(host, device),
      host.files.readText(`/sys/class/net/${device}/address`),
    ]);
    // In a container /sys may show another namespace's device under this name.
    const isSame = link !== undefined && address?.trim() === link.macAddress;
    // The kernel refuses to answer (EINVAL) for a link without a speed.
    const mbps = isSame
      ? await numberIn(host, `/sys/class/net/${device}/speed`).catch(() => undefined)
      : undefined;
    if (mbps === undefined || mbps <= 0) return skip('notNeeded', `${device}: speed ?`);
    const measured = `${device}: ${mbps} Mbit/s`;
    return mbps < neededMbps
      ? warn('slow', measured, `≥ ${neededMbps} Mbit/s`, { device, mbps, neededMbps })
      : ok(measured, `≥ ${neededMbps} Mbit/s`);
  }),
});
