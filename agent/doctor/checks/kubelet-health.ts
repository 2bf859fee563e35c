// What the kubelet says of itself. It says the same when the runtime below it does not
// answer, so that mutes this.
import { define, fail, ok } from '../../preflight/check.ts';
import { errorCode } from '../../preflight/observation/gateway.ts';

const kubeletHealthUrl = 'http://127.0.0.1:10248/healthz';
const timeoutMs = 4000;

export const kubeletHealth = define({
  code: 'KUBELET_HEALTH',
  id: 'kubelet-health',
  group: 'node',
  severity: 'blocking',
  dependsOn: ['KUBELET_SERVICE', 'CONTAINERD_SERVICE', 'CONTAINERD_ANSWER'],
  async run(host) {
    try {
      const { status, body } = await host.network.get(kubeletHealthUrl, {
        timeoutMs,
        limitBytes: 64 * 1024,
        rootOnly: true,
      });
      const said = body.trim().slice(0, 200);
      return status === 200
        ? ok(`HTTP 200: ${said}`)
        : fail('unhealthy', `HTTP ${status}`, 'HTTP 200', { status, detail: said });
    } catch (error) {
      // A stranger on its port is told as that.
      const code = errorCode(error);
      const detail = code === 'EACCES' && error instanceof Error ? error.message : code;
      return fail('silent', detail, `≤ ${timeoutMs / 1000} s`, { detail });
    }
  },
});
