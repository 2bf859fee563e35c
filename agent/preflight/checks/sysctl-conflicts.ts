// regnode and the kubelet set what they need while they join, so today's values say little. What breaks nodes
// weeks later is a file that sets the opposite at the next boot.
import { define, ok, warn } from '../check.ts';
import { sysctlSettings } from '../observation/sysctl-files.ts';

const contrary: Readonly<Record<string, RegExp>> = {
  'net.ipv4.ip_forward': /^0$/,
  'net.ipv4.conf.all.forwarding': /^0$/,
  'net.bridge.bridge-nf-call-iptables': /^0$/,
  'vm.overcommit_memory': /^2$/,
  'vm.panic_on_oom': /^[12]$/,
  'kernel.panic_on_oops': /^0$/,
  'fs.may_detach_mounts': /^0$/,
};

export const sysctlConflicts = define({
  code: 'SYSCTL_CONFLICTS',
  id: 'sysctl-conflicts',
  group: 'kernel',
  severity: 'advisory',
  dependsOn: [],
  async run(host) {
    const against = (await sysctlSettings(host)).filter(({ name, value }) => contrary[name]?.test(value));
    const threshold = Object.keys(contrary).slice(0, 3).join(', ');
    const [first] = against;
    if (first === undefined) return ok('none', threshold);
    const settings = against.map(({ file, name, value }) => `${file}: ${name}=${value}`).join('; ');
    return warn('contrary', settings, 'none', { settings, file: first.file, name: first.name });
  },
});
