// The API server by the way that the kubelet takes: TCP, TLS with the cluster's CA,
// an answer. Asked as nobody.
import { define, fail, ok, skip } from '../../preflight/check.ts';
import { errorCode } from '../../preflight/observation/gateway.ts';
import { apiServerTarget, askCluster } from '../observation/cluster.ts';

export const apiServerConnection = define({
  code: 'API_SERVER_CONNECTION',
  id: 'api-server-connection',
  group: 'node',
  severity: 'blocking',
  dependsOn: [],
  async run(host, { node }) {
    if (node === undefined) return skip('notNeeded');
    const { url } = apiServerTarget(node);
    try {
      const { status } = await askCluster(host, node, '/healthz', false);
      // Whoever forbids anonymous questions has answered as well.
      return status === 200 || status === 401 || status === 403
        ? ok(`${url}: HTTP ${status}`)
        : fail('unhealthy', `${url}: HTTP ${status}`, 'HTTP 200', { url, status });
    } catch (error) {
      const detail = errorCode(error);
      return fail('unreachable', `${url}: ${detail}`, '≤ 4 s', { url, detail });
    }
  },
});
