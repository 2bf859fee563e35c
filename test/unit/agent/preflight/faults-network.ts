// Faults of firewall and ports, runtime, Cilium, GPU and storage.
import type { HostFault } from './faults.ts';

const unit = (name: string) =>
  `Id=${name}.service\nActiveState=active\nFragmentPath=/usr/lib/systemd/system/${name}.service\n`;
const active = (...names: readonly string[]) => ({
  commands: { 'systemctl show': ['chronyd', ...names].map(unit).join('\n') },
});
const kernelConfigPath = '/proc/config.text';
const without =
  (...options: readonly string[]) =>
  (config: string) =>
    options.reduce((text, option) => text.replace(`CONFIG_${option}=`, '# '), config);
const socket = (address: string, state: string, inode: number) =>
  `   9: ${address} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0000000000000000 100 0 0 10 0\n`;
const listening = (address: string, state: string) => (table: string) =>
  table + socket(address, state, 31337);
const nftWithDrop = `table inet filter {
\tchain input {
\t\ttype filter hook input priority filter; policy drop;
\t\ttcp dport 22 accept
\t}
\tchain forward {
\t\ttype filter hook forward priority filter; policy accept;
\t}
}
`;
const iptablesOfRhel = `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [5:560]
-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m state --state NEW -m tcp --dport 22 -j ACCEPT
-A INPUT -j REJECT --reject-with icmp-host-prohibited
COMMIT
`;
const card = '/sys/bus/pci/devices/0000:3b:00.0';
const cardFiles = { [`${card}/vendor`]: '0x10de\n', [`${card}/class`]: '0x030200\n' };

export const networkFaults: readonly HostFault[] = [
  {
    code: 'PORTS_FREE',
    problem: 'taken',
    verdict: 'fail',
    what: 'somebody listens on 10250',
    patch: { files: { '/proc/net/tcp': listening('00000000:280A', '0A') } },
  },
  {
    code: 'PORTS_FREE',
    problem: 'taken',
    verdict: 'fail',
    what: 'a port that cannot be bound although no socket shows it',
    patch: { network: { canListen: async (port) => port !== 10248 } },
  },
  {
    code: 'FIREWALLD',
    problem: 'active',
    verdict: 'warn',
    what: 'firewalld in a pool with another network',
    patch: active('firewalld'),
    context: { networkMode: 'external' },
    also: ['PACKET_FILTER'],
  },
  {
    code: 'FIREWALLD',
    problem: 'activeVxlan',
    verdict: 'warn',
    what: 'firewalld in a pool with Cilium',
    patch: active('firewalld'),
    also: ['PACKET_FILTER'],
  },
  {
    code: 'PACKET_FILTER',
    problem: 'drops',
    verdict: 'warn',
    what: 'nftables that drops by default',
    patch: {
      files: { '/proc/modules': (text) => `${text}nf_tables 245760 1 - Live 0x0\n` },
      commands: { 'nft list ruleset': nftWithDrop },
    },
  },
  {
    code: 'PACKET_FILTER',
    problem: 'drops',
    verdict: 'warn',
    what: 'the rules that RHEL used to come with',
    patch: {
      files: { '/proc/net/ip_tables_names': 'nat\nfilter\n' },
      commands: { 'iptables-save -t filter': iptablesOfRhel },
    },
  },
  {
    code: 'PACKET_FILTER',
    problem: 'drops',
    verdict: 'warn',
    what: 'rules of iptables-nft, and no nft to show them',
    patch: {
      files: { '/proc/modules': (text) => `${text}nf_tables 245760 1 - Live 0x0\n` },
      commands: {
        'nft list ruleset': { exitCode: null, outcome: 'not-found' },
        'iptables-save -t filter': '*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\nCOMMIT\n',
      },
    },
  },
  {
    code: 'IPTABLES_VERSION',
    problem: 'broken183',
    verdict: 'fail',
    what: '1.8.2 in nft mode',
    patch: { commands: { 'iptables --version': 'iptables v1.8.2 (nf_tables)\n' } },
  },
  {
    code: 'SELINUX',
    problem: 'enforcing',
    verdict: 'warn',
    what: 'enforcing',
    patch: { files: { '/sys/fs/selinux/enforce': '1' } },
  },
  {
    code: 'SELINUX',
    problem: 'nextBoot',
    verdict: 'warn',
    what: 'permissive until the next boot',
    patch: { files: { '/sys/fs/selinux/enforce': '0', '/etc/selinux/config': 'SELINUX=enforcing\n' } },
  },
  {
    code: 'FOREIGN_CONTAINERD',
    problem: 'active',
    verdict: 'fail',
    what: "a distribution's containerd runs",
    patch: active('containerd'),
  },
  {
    code: 'FOREIGN_CONTAINERD',
    problem: 'ofDocker',
    verdict: 'fail',
    what: 'Docker and its containerd run',
    patch: active('containerd', 'docker'),
  },
  {
    code: 'OTHER_RUNTIMES',
    problem: 'active',
    verdict: 'warn',
    what: 'CRI-O runs',
    patch: active('crio'),
  },
  {
    code: 'CONTAINERD_CONFIGURATION',
    problem: 'criDisabled',
    verdict: 'warn',
    what: "the configuration of Docker's package",
    patch: { files: { '/etc/containerd/config.toml': 'disabled_plugins = ["cri"]\n' } },
  },
  {
    code: 'CONTAINERD_CONFIGURATION',
    problem: 'present',
    verdict: 'warn',
    what: 'a configuration that somebody made',
    patch: { files: { '/etc/containerd/config.toml': 'version = 2\n#disabled_plugins = ["cri"]\n' } },
  },
  {
    code: 'CONTAINERD_CONFIGURATION',
    problem: 'dropInDisablesCri',
    verdict: 'fail',
    what: 'a drop-in that turns the interface off',
    patch: { files: { '/etc/containerd/conf.d/10-own.toml': 'disabled_plugins = ["cri"]\n' } },
  },
  {
    code: 'RUNTIME_LEAVINGS',
    problem: 'found',
    verdict: 'warn',
    what: 'images of an earlier containerd',
    patch: { files: { '/var/lib/containerd/io.containerd.metadata.v1.bolt/meta.db': '' } },
  },
  {
    code: 'CILIUM_KERNEL',
    problem: 'tooOld',
    verdict: 'fail',
    what: 'the kernel of RHEL 8.0, old for Kubernetes too',
    patch: { files: { '/proc/sys/kernel/osrelease': '4.18.0-80.el8.x86_64\n' } },
    also: ['KERNEL_VERSION'],
  },
  {
    code: 'CILIUM_FEATURES',
    problem: 'missing',
    verdict: 'fail',
    what: 'a kernel without the BPF classifier',
    patch: { files: { [kernelConfigPath]: without('NET_CLS_BPF') } },
  },
  {
    code: 'CILIUM_FEATURES',
    problem: 'useful',
    verdict: 'warn',
    what: 'a kernel like the sandbox’s',
    patch: { files: { [kernelConfigPath]: without('CRYPTO_USER_API_HASH', 'SCHEDSTATS') } },
  },
  {
    code: 'CILIUM_FEATURES',
    problem: 'unknown',
    verdict: 'warn',
    what: 'no configuration of the kernel',
    patch: { files: { '/proc/config.text': null, '/proc/config.gz': null } },
    also: ['KERNEL_FEATURES', 'OVERLAY_FILE_SYSTEM'],
  },
  {
    code: 'BPF_FILE_SYSTEM',
    problem: 'unmounted',
    verdict: 'warn',
    what: 'not mounted, as with systemd 219',
    patch: { files: { '/proc/self/mountinfo': (text) => text.replace(/^.* - bpf .*\n/m, '') } },
  },
  {
    code: 'CILIUM_PORTS',
    problem: 'taken',
    verdict: 'fail',
    what: 'another VXLAN on 8472',
    patch: { files: { '/proc/net/udp': listening('00000000:2118', '07') } },
  },
  {
    code: 'OTHER_CNI',
    problem: 'files',
    verdict: 'warn',
    what: 'flannel left its configuration',
    patch: { files: { '/etc/cni/net.d/10-flannel.conflist': '{}' } },
  },
  {
    code: 'CNI_PLUGINS',
    problem: 'missing',
    verdict: 'warn',
    what: "a network of the pool's own, and what another one left",
    context: { networkMode: 'external' },
    patch: {
      files: { '/etc/cni/net.d/10-calico.conflist': '{"plugins":[{"type":"calico"},{"type":"portmap"}]}' },
    },
  },
  {
    code: 'OTHER_CNI',
    problem: 'devices',
    verdict: 'warn',
    what: 'flannel left its device',
    patch: {
      commands: {
        'ip -o -d link show':
          '2: eth0: <UP> mtu 1500 qdisc mq\\    link/ether 52:54:00:00:00:11 brd ff:ff:ff:ff:ff:ff\n3: flannel.1: <UP> mtu 1450\\    link/ether 52:54:00:00:00:12 brd ff\\    vxlan id 1\n',
      },
    },
  },
  {
    code: 'REVERSE_PATH_FILTER',
    problem: 'strict',
    verdict: 'warn',
    what: "RHEL's default",
    patch: { files: { '/proc/sys/net/ipv4/conf/all/rp_filter': '1\n' } },
  },
  {
    code: 'GPU_DRIVER',
    problem: 'missing',
    verdict: 'warn',
    what: 'a card without a driver',
    patch: { files: cardFiles },
  },
  {
    code: 'GPU_TOOLKIT',
    problem: 'missing',
    verdict: 'warn',
    what: 'a card and its driver, and no toolkit',
    patch: {
      files: {
        ...cardFiles,
        '/proc/driver/nvidia/version':
          'NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023\n',
      },
    },
    also: ['GPU_DRIVER'],
  },
  {
    code: 'NFS_CLIENT',
    problem: 'missing',
    verdict: 'warn',
    what: 'no nfs-utils',
    patch: { files: { '/usr/sbin/mount.nfs': null } },
  },
  {
    code: 'FUSE',
    problem: 'missing',
    verdict: 'warn',
    what: 'a kernel without FUSE',
    patch: { files: { '/dev/fuse': null, [kernelConfigPath]: without('FUSE_FS') } },
  },
];
