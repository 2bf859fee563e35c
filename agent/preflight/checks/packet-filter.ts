// Rules that drop by default: packets of pods are forwarded ones, those of NodePorts and VXLAN come in.
import { define, ok, skip, warn } from '../check.ts';
import { refusals } from '../observation/packet-filter.ts';
import { unitState } from '../observation/units.ts';

export const packetFilter = define({
  code: 'PACKET_FILTER',
  id: 'packet-filter',
  group: 'firewall',
  severity: 'advisory',
  dependsOn: [],
  async run(host) {
    if ((await unitState(host, 'firewalld')).active) return skip('notNeeded', 'firewalld');
    const found = await refusals(host);
    if (found === undefined) return skip('unreadable', 'nft list ruleset');
    const measured = found.map((refusal) => refusal.where).join('; ');
    if (found.length === 0) return ok('INPUT, FORWARD, OUTPUT: accept');
    const hooks = [...new Set(found.map((refusal) => refusal.hook))].join(', ');
    return warn('drops', measured, 'ACCEPT', { hooks, rules: measured });
  },
});
