// The node's name: --name, else the host's name in lower case. It has to be a Kubernetes name and has to tell
// this host from others.
import { nodeNamePattern } from '../../../protocol/messages/join.ts';
import { define, fail, ok } from '../check.ts';

export const nodeName = define({
  code: 'NODE_NAME',
  id: 'node-name',
  group: 'identity',
  severity: 'blocking',
  dependsOn: [],
  async run(host, context) {
    const name = context.nodeName ?? (await host.hostname()).trim().toLowerCase();
    const threshold = '[a-z0-9.-], ≤ 63';
    if (!nodeNamePattern.test(name)) return fail('invalid', `"${name}"`, threshold, { name });
    if (/^localhost(\.|$)/.test(name)) return fail('localhost', name, '≠ localhost', { name });
    if (/^\d+$/.test(name)) return fail('digits', name, threshold, { name });
    return ok(name, threshold);
  },
});
