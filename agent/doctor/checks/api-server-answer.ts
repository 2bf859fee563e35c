// The API server lets this node's kubelet in, and knows the node.
import { define, fail, ok, skip } from '../../preflight/check.ts';
import { errorCode } from '../../preflight/observation/gateway.ts';
import { askCluster, kubeletCertificate, nodePath } from '../observation/cluster.ts';

export const apiServerAnswer = define({
  code: 'API_SERVER_ANSWER',
  id: 'api-server-answer',
  group: 'node',
  severity: 'blocking',
  dependsOn: ['API_SERVER_CONNECTION', 'TIME_SKEW'],
  async run(host, { node }) {
    if (node === undefined) return skip('notNeeded');
    const { nodeName } = node.state.identity;
    try {
      const { status } = await askCluster(host, node, nodePath(node), true);
      if (status === 200) return ok(`${nodeName}: HTTP 200`);
      if (status === 404) return fail('unknownNode', 'HTTP 404', 'HTTP 200', { name: nodeName });
      return fail('refused', `HTTP ${status}`, 'HTTP 200', { status, path: kubeletCertificate });
    } catch (error) {
      const detail = errorCode(error);
      return fail('noCertificate', detail, 'HTTP 200', { detail, path: kubeletCertificate });
    }
  },
});
