// What Cilium's data path needs of the kernel, and what single functions of it need.
import { define, fail, ok, warn } from '../check.ts';
import { kernelConfig, missingOptions } from '../observation/kernel-config.ts';
import { forCilium } from '../opening.ts';

const required = [
  'BPF',
  'BPF_SYSCALL',
  'BPF_JIT',
  'NET_CLS_BPF',
  'NET_CLS_ACT',
  'NET_SCH_INGRESS',
  'CRYPTO_SHA1|CRYPTO_LIB_SHA1',
  'CGROUPS',
  'CGROUP_BPF',
  'PERF_EVENTS',
  'VXLAN',
  'FIB_RULES',
];
const useful = [
  'CRYPTO_USER_API_HASH',
  'SCHEDSTATS',
  'IP_SET',
  'IP_SET_HASH_IP',
  'NETFILTER_XT_SET',
  'NETFILTER_XT_MATCH_COMMENT',
  'NETFILTER_XT_TARGET_TPROXY',
  'NETFILTER_XT_TARGET_MARK',
  'NETFILTER_XT_TARGET_CT',
  'NETFILTER_XT_MATCH_MARK|NETFILTER_XT_MARK',
  'NETFILTER_XT_MATCH_SOCKET',
];

export const ciliumFeatures = define({
  code: 'CILIUM_FEATURES',
  id: 'cilium-features',
  group: 'cilium',
  severity: 'blocking',
  dependsOn: ['CILIUM_KERNEL'],
  run: forCilium(async (host) => {
    const config = await kernelConfig(host);
    const threshold = `${required.length} × CONFIG_*=y|m`;
    if (config === undefined) return warn('unknown', 'CONFIG_* ?', threshold);
    const missing = missingOptions(config, required);
    const absent = missingOptions(config, useful);
    if (missing.length > 0) {
      return fail('missing', `without ${missing.join(' ')}`, threshold, { options: missing.join(' ') });
    }
    return absent.length > 0
      ? warn('useful', `without ${absent.join(' ')}`, threshold, { options: absent.join(' ') })
      : ok(`${required.length}`, threshold);
  }),
});
