// Packets between pods of one bridge must pass iptables, or services do not answer from the same host. On
// TencentOS it is built in: looking for the module alone would be a false alarm.
import { define, fail, ok, skip, warn } from '../check.ts';
import { kernelConfig } from '../observation/kernel-config.ts';

export const bridgeNetfilter = define({
  code: 'BRIDGE_NETFILTER',
  id: 'bridge-netfilter',
  group: 'kernel',
  severity: 'blocking',
  dependsOn: ['KERNEL_VERSION'],
  async run(host, { networkMode }) {
    if (networkMode === 'cilium') return skip('notNeeded', 'Cilium');
    const key = 'net.bridge.bridge-nf-call-iptables';
    const value = await host.sysctl(key);
    if (value !== undefined) return ok(`${key}=${value}`);
    const config = await kernelConfig(host);
    const setting = config?.get('BRIDGE_NETFILTER');
    if (setting !== undefined) return ok(`CONFIG_BRIDGE_NETFILTER=${setting}`);
    return config === undefined
      ? warn('unknown', `${key} absent`, 'CONFIG_BRIDGE_NETFILTER=y|m')
      : fail('missing', 'CONFIG_BRIDGE_NETFILTER absent', 'CONFIG_BRIDGE_NETFILTER=y|m');
  },
});
