// Root in a container or a hardened unit may lack what a node needs. Without SYS_RESOURCE, runc cannot lower
// oom_score_adj: containers start only when containerd is told to restrict it, which regnode does.
import { define, fail, ok, warn } from '../check.ts';
import { missingCapabilities } from '../observation/process-status.ts';

export const capabilities = define({
  code: 'CAPABILITIES',
  id: 'capabilities',
  group: 'identity',
  severity: 'blocking',
  dependsOn: ['ROOT_USER'],
  async run(host) {
    const threshold = 'SYS_ADMIN, NET_ADMIN, SYS_RESOURCE';
    const missing = await missingCapabilities(host, ['SYS_ADMIN', 'NET_ADMIN', 'SYS_RESOURCE']);
    if (missing === undefined) return warn('unknown', '/proc/self/status: CapEff absent', threshold);
    if (missing.length === 0) return ok(threshold);
    const measured = `without ${missing.join(', ')}`;
    const values = { missing: missing.join(', ') };
    return missing.every((name) => name === 'SYS_RESOURCE')
      ? warn('noResource', measured, threshold, values)
      : fail('missing', measured, threshold, values);
  },
});
