// Outgoing connections take ports from the local range; where it overlaps the NodePorts, a service's port may
// be taken by chance.
import { define, ok, warn } from '../check.ts';

const nodePorts = { first: 30_000, last: 32_767 };

export const portRange = define({
  code: 'PORT_RANGE',
  id: 'port-range',
  group: 'kernel',
  severity: 'advisory',
  dependsOn: [],
  async run(host) {
    const range = (await host.sysctl('net.ipv4.ip_local_port_range'))?.trim().split(/\s+/).map(Number);
    const [first = 0, last = 0] = range ?? [];
    const threshold = `outside ${nodePorts.first}–${nodePorts.last}`;
    const measured = `${first}–${last}`;
    const reserved = (await host.sysctl('net.ipv4.ip_local_reserved_ports'))?.trim() ?? '';
    const overlaps = first <= nodePorts.last && last >= nodePorts.first;
    return overlaps && !reserved.includes(`${nodePorts.first}-${nodePorts.last}`)
      ? warn('overlap', measured, threshold, { first, last })
      : ok(measured, threshold);
  },
});
