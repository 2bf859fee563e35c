// Pods inherit the DNS servers of the host. A resolver on a loopback address means another machine inside a
// pod, and makes CoreDNS ask itself in a loop; without a file the kubelet starts no pod that inherits it.
import { nameServers, resolvConfForPods } from '../../host/resolv-conf.ts';
import { define, ok, warn } from '../check.ts';

const most = 3;
const usual = '/etc/resolv.conf';

export const resolver = define({
  code: 'RESOLVER',
  id: 'resolver',
  group: 'line',
  severity: 'advisory',
  dependsOn: [],
  async run(host) {
    const text = await host.files.readText(usual);
    const servers = nameServers(text ?? '');
    const measured = servers.join(', ') || 'none';
    const threshold = `1–${most} nameserver ≠ 127.0.0.0/8`;
    const path = await resolvConfForPods(host.files);
    if (path !== undefined && path !== usual) return ok(`${measured} → ${path}`);
    if (text === undefined) {
      const target = (await host.files.status(usual))?.target;
      return warn('absent', target === undefined ? 'absent' : `→ ${target}`, threshold);
    }
    if (servers.length === 0) return warn('none', measured, threshold);
    if (path === undefined) return warn('loopback', measured, threshold);
    return servers.length > most ? warn('many', measured, threshold, { most }) : ok(measured, threshold);
  },
});
