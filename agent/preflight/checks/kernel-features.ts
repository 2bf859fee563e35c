// What containers, services and the kubelet need of the kernel, whatever network the pool uses.
import { define, fail, ok, warn } from '../check.ts';
import { cgroupVersion } from '../observation/cgroups.ts';
import { kernelConfig, missingOptions } from '../observation/kernel-config.ts';

const required = [
  'NAMESPACES',
  'NET_NS',
  'PID_NS',
  'IPC_NS',
  'UTS_NS',
  'CGROUPS',
  'CGROUP_CPUACCT',
  'CGROUP_DEVICE',
  'CGROUP_FREEZER',
  'CGROUP_PIDS',
  'CGROUP_SCHED',
  'CPUSETS|CPUSETS_V1',
  'MEMCG',
  'FAIR_GROUP_SCHED',
  'INET',
  'PROC_FS',
  'VETH',
  'KEYS',
  'POSIX_MQUEUE',
  'NF_CONNTRACK',
  'NF_NAT|NF_NAT_IPV4|IP_NF_NAT',
  'NETFILTER_XT_MATCH_COMMENT',
  'NETFILTER_XT_MATCH_ADDRTYPE',
  'NETFILTER_XT_MATCH_CONNTRACK',
  'NETFILTER_XT_MATCH_MULTIPORT',
  'NETFILTER_XT_MATCH_STATISTIC',
  'NETFILTER_XT_TARGET_REDIRECT|IP_NF_TARGET_REDIRECT',
];
const useful = ['SECCOMP', 'CFS_BANDWIDTH', 'CGROUP_HUGETLB', 'BLK_CGROUP', 'BRIDGE', 'EXT4_FS'];

export const kernelFeatures = define({
  code: 'KERNEL_FEATURES',
  id: 'kernel-features',
  group: 'kernel',
  severity: 'blocking',
  dependsOn: ['OPERATING_SYSTEM', 'KERNEL_VERSION'],
  async run(host) {
    const config = await kernelConfig(host);
    const { release } = await host.kernel();
    if (config === undefined)
      return warn('unknown', 'CONFIG_* ?', `${required.length} × CONFIG_*`, { release });
    const needed = (await cgroupVersion(host)) === 'v2' ? [...required, 'CGROUP_BPF'] : required;
    const missing = missingOptions(config, needed);
    const absent = missingOptions(config, useful);
    const threshold = `${needed.length} × CONFIG_*=y|m`;
    if (missing.length > 0) {
      return fail('missing', `without ${missing.join(' ')}`, threshold, { options: missing.join(' ') });
    }
    return absent.length > 0
      ? warn('useful', `without ${absent.join(' ')}`, threshold, { options: absent.join(' ') })
      : ok(`${needed.length}`, threshold);
  },
});
