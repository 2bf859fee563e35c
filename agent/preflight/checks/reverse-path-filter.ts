// Strict reverse path filtering drops packets that come in on Cilium's devices; the strictest of `all` and the
// device's own value counts, so `all` must not be 1.
import { define, ok, skip, warn } from '../check.ts';

export const reversePathFilter = define({
  code: 'REVERSE_PATH_FILTER',
  id: 'reverse-path-filter',
  group: 'cilium',
  severity: 'advisory',
  dependsOn: [],
  async run(host, { networkMode }) {
    if (networkMode !== 'cilium') return skip('notCilium');
    const value = (await host.sysctl('net.ipv4.conf.all.rp_filter'))?.trim() ?? '0';
    const measured = `net.ipv4.conf.all.rp_filter=${value}`;
    return value === '1' ? warn('strict', measured, '0 | 2') : ok(measured, '0 | 2');
  },
});
