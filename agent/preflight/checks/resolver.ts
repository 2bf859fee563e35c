// Pods inherit the host's /etc/resolv.conf. A resolver on a loopback address means another machine inside a
// pod, and makes CoreDNS ask itself in a loop.
import { define, ok, warn } from '../check.ts';
import { isOfHostOnly } from '../observation/addresses.ts';

const most = 3;

export const resolver = define({
  code: 'RESOLVER',
  id: 'resolver',
  group: 'line',
  severity: 'advisory',
  dependsOn: [],
  async run(host) {
    const text = (await host.files.readText('/etc/resolv.conf')) ?? '';
    const servers = [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].map((match) => match[1] ?? '');
    const measured = servers.join(', ') || 'none';
    const threshold = `1–${most} nameserver ≠ 127.0.0.0/8`;
    if (servers.length === 0) return warn('none', measured, threshold);
    if (servers.every(isOfHostOnly)) {
      // systemd-resolved keeps the real list beside its stub, and the kubelet is pointed there.
      const beside = await host.files.exists('/run/systemd/resolve/resolv.conf');
      return beside
        ? ok(`${measured} → /run/systemd/resolve/resolv.conf`)
        : warn('loopback', measured, threshold);
    }
    return servers.length > most ? warn('many', measured, threshold, { most }) : ok(measured, threshold);
  },
});
