// The tunnel, as the gateway sees it: the end that has to use it.
import { define, fail, ok, skip } from '../../preflight/check.ts';
import { askGateway } from '../observation/gateway-status.ts';

export const nodeTunnel = define({
  code: 'NODE_TUNNEL',
  id: 'node-tunnel',
  group: 'node',
  severity: 'blocking',
  dependsOn: ['NODE_ADMITTED', 'NODE_IDENTITY', 'AGENT_SERVICE'],
  async run(host, { node }) {
    if (node === undefined) return skip('notNeeded');
    const answer = await askGateway(host, node);
    if (answer === undefined) return skip('notAsked');
    const own = node.daemon?.tunnel;
    const state = own?.state ?? '?';
    if (answer.tunnelConnected) return ok(state, 'Open');
    const detail = own?.lastFault || state;
    return fail('down', state, 'Open', { state, detail });
  },
});
