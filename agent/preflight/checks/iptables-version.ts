// iptables 1.8.0 to 1.8.3 in nft mode adds a rule again each time it is checked
// for: nodes slow down over days.

import { isAtLeast } from '../../../protocol/compatibility/versions.ts';
import { define, fail, ok, skip } from '../check.ts';

export const iptablesVersion = define({
  code: 'IPTABLES_VERSION',
  id: 'iptables-version',
  group: 'firewall',
  severity: 'blocking',
  dependsOn: [],
  async run(host) {
    const { stdout } = await host.processes.run('iptables', ['--version']);
    const match = /v(\d+\.\d+\.\d+)(?:\s+\((\w+)\))?/.exec(stdout);
    if (!match?.[1]) return skip('notNeeded', 'iptables absent');
    const [, version, mode = 'legacy'] = match;
    const isBroken = mode === 'nf_tables' && isAtLeast(version, '1.8.0') && !isAtLeast(version, '1.8.4');
    const measured = `${version} (${mode})`;
    const threshold = 'not nf_tables 1.8.0–1.8.3';
    return isBroken ? fail('broken183', measured, threshold, { version }) : ok(measured, threshold);
  },
});
