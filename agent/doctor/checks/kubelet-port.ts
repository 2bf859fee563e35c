// The port at which the agent's tunnel reaches the kubelet: logs, exec, port-forward, metrics.
import { define, fail, ok } from '../../preflight/check.ts';
import { errorCode } from '../../preflight/observation/gateway.ts';

const address = '127.0.0.1';
const port = 10250;
const timeoutMs = 3000;

export const kubeletPort = define({
  code: 'KUBELET_PORT',
  id: 'kubelet-port',
  group: 'node',
  severity: 'blocking',
  dependsOn: ['KUBELET_HEALTH'],
  async run(host) {
    const where = `${address}:${port}`;
    try {
      const milliseconds = await host.network.connect(address, port, timeoutMs);
      return ok(`${where}: ${milliseconds.toFixed(1)} ms`);
    } catch (error) {
      const detail = errorCode(error);
      return fail('blocked', `${where}: ${detail}`, `≤ ${timeoutMs / 1000} s`, { where, port, detail });
    }
  },
});
