// The gateway knows this node: asked as the node, with its certificate, so a
// refusal is the gateway's own word.
import { Fault } from '../../../protocol/catalogue/fault.ts';
import { define, fail, ok, skip } from '../../preflight/check.ts';
import { askGateway } from '../observation/gateway-status.ts';

export const nodeAdmitted = define({
  code: 'NODE_ADMITTED',
  id: 'node-admitted',
  group: 'node',
  severity: 'blocking',
  dependsOn: ['GATEWAY_CERTIFICATE', 'NODE_CERTIFICATE'],
  async run(host, { node }) {
    if (node === undefined) return skip('notNeeded');
    try {
      const answer = await askGateway(host, node);
      if (answer === undefined) return skip('notAsked');
      const { registered, pool } = answer;
      const { nodeName } = node.state.identity;
      return registered
        ? ok(`${nodeName} (${pool})`)
        : fail('refused', 'registered: false', 'registered', {
            reason: 'NODE_NOT_REGISTERED',
            detail: nodeName,
          });
    } catch (error) {
      const reason = error instanceof Fault ? error.code : 'UNEXPECTED';
      const detail = error instanceof Error ? error.message : String(error);
      return fail('refused', reason, 'HTTP 200', { reason, detail });
    }
  },
});
