// Strict reverse path filtering drops packets that come in on Cilium's devices; the strictest of `all` and
// the device's own value counts, so `all` must not be 1.
import { define, ok, warn } from '../check.ts';
import { forCilium } from '../opening.ts';

export const reversePathFilter = define({
  code: 'REVERSE_PATH_FILTER',
  id: 'reverse-path-filter',
  group: 'cilium',
  severity: 'advisory',
  dependsOn: [],
  run: forCilium(async (host) => {
    const value = (await host.sysctl('net.ipv4.conf.all.rp_filter'))?.trim() ?? '0';
    const measured = `net.ipv4.conf.all.rp_filter=${value}`;
    return value === '1' ? warn('strict', measured, '0 | 2') : ok(measured, '0 | 2');
  }),
});
