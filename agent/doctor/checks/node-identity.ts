// Whether this host alone is the node: the gateway says which host has the tunnel, and which one it refuses.
import { describeHost } from '../../../protocol/messages/machine.ts';
import { readMachine } from '../../identity/machine.ts';
import { define, fail, ok, skip } from '../../preflight/check.ts';
import { askGateway } from '../observation/gateway-status.ts';

export const nodeIdentity = define({
  code: 'NODE_IDENTITY',
  id: 'node-identity',
  group: 'node',
  severity: 'blocking',
  dependsOn: ['NODE_ADMITTED'],
  async run(host, { node }) {
    if (node === undefined) return skip('notNeeded');
    const answer = await askGateway(host, node);
    if (answer === undefined) return skip('notAsked');
    const { holder, identityConflict: conflict, tunnelConnected, nodeName } = answer;
    const { hostname, bootId } = await readMachine(host);
    const here = describeHost({ address: node.daemon?.addresses?.addresses[0] ?? '', hostname, bootId });
    // Of a boot before this one the gateway may not know yet that it is over: it is
    // not said without a refusal.
    const told = node.daemon?.conflict?.code;
    const isRefused = conflict?.refused.bootId === bootId && bootId !== '';
    if (isRefused || told === 'IDENTITY_IN_USE' || told === 'HARDWARE_DIFFERS') {
      const there = tunnelConnected && holder ? describeHost(holder) : '-';
      const reason = conflict?.code ?? told ?? '';
      return fail('refused', there, here, { here, node: nodeName, holder: there, reason });
    }
    if (conflict === undefined) return ok(here);
    const other = describeHost(conflict.refused);
    return fail('copied', other, here, { here, other, reason: conflict.code });
  },
});
