// Enforcing SELinux needs policies for containers that come with the distribution's own packages only.
import { define, ok, warn } from '../check.ts';

export const selinux = define({
  code: 'SELINUX',
  id: 'selinux',
  group: 'firewall',
  severity: 'advisory',
  dependsOn: [],
  async run(host) {
    const enforce = (await host.files.readText('/sys/fs/selinux/enforce'))?.trim();
    const configured = /^SELINUX=(\w+)/m.exec((await host.files.readText('/etc/selinux/config')) ?? '')?.[1];
    const now = enforce === undefined ? 'disabled' : enforce === '1' ? 'enforcing' : 'permissive';
    const threshold = 'permissive | disabled';
    if (now === 'enforcing') return warn('enforcing', now, threshold);
    return now === 'permissive' && configured === 'enforcing'
      ? warn('nextBoot', `${now}, /etc/selinux/config: enforcing`, threshold)
      : ok(now, threshold);
  },
});
