// Faults of the private line and of time.
import type { HostPatch } from '../../../fixtures/distribution.ts';
import type { HostFault } from './faults.ts';

const device = '/sys/class/net/eth0';
const wrong = (code: string) => async (): Promise<never> => {
  throw Object.assign(new Error(code), { code });
};
const route = (source: string) => ({ routeTo: async () => ({ device: 'eth0', source }) });
const interfaceWith = (change: object): HostPatch['interfaces'] => [
  { name: 'eth0', mtu: 1500, state: 'up', macAddress: '', addresses: ['10.77.0.11/24'], ...change },
];
const nowMs = 1_700_000_000_000;
const named = { gatewayUrl: 'https://gateway.example' };
const loopback =
  '1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN\\    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00 promiscuity 0 \n';
/** What `ip -o -d link show` says of devices: name, link/…, details. */
const linksAre = (
  ...lines: readonly (readonly [head: string, type: string, details: string])[]
): HostPatch => ({
  commands: {
    'ip -o -d link show':
      loopback +
      lines
        .map(
          ([head, type, details], index) =>
            `${index + 2}: ${head} qdisc mq state UP\\    link/${type} 52:54:00:00:00:11 brd ff:ff:ff:ff:ff:ff promiscuity 0 \\    ${details} addrgenmode eui64 numtxqueues 1 \n`,
        )
        .join(''),
  },
});
const eth0 = 'eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500';
const ipsecPolicies = `src 192.168.9.0/24 dst 10.77.0.0/16
\tdir out priority 375423
\ttmpl src 192.168.9.2 dst 203.0.113.7
\t\tproto esp spi 0xc1a2b3d4 reqid 1 mode tunnel
src 10.77.0.0/16 dst 192.168.9.0/24
\tdir in priority 375423
`;

export const lineFaults: readonly HostFault[] = [
  {
    code: 'GATEWAY_NAME',
    problem: 'url',
    verdict: 'fail',
    what: 'a URL without TLS',
    context: { gatewayUrl: 'http://10.77.0.1' },
  },
  {
    code: 'GATEWAY_NAME',
    problem: 'url',
    verdict: 'fail',
    what: 'no URL at all',
    context: { gatewayUrl: '10.77.0.1' },
  },
  {
    code: 'GATEWAY_NAME',
    problem: 'unresolved',
    verdict: 'fail',
    what: 'a name that the DNS does not know',
    patch: { network: { resolve: wrong('ENOTFOUND') } },
    context: named,
  },
  {
    code: 'RESOLVER',
    problem: 'absent',
    verdict: 'warn',
    what: 'no resolv.conf, or a link to nothing',
    patch: { files: { '/etc/resolv.conf': null } },
  },
  {
    code: 'RESOLVER',
    problem: 'none',
    verdict: 'warn',
    what: 'an empty resolv.conf',
    patch: { files: { '/etc/resolv.conf': '' } },
  },
  {
    code: 'RESOLVER',
    problem: 'loopback',
    verdict: 'warn',
    what: 'dnsmasq on the host alone',
    patch: { files: { '/etc/resolv.conf': 'nameserver 127.0.0.1\n' } },
  },
  {
    code: 'RESOLVER',
    problem: 'many',
    verdict: 'warn',
    what: 'four servers',
    patch: {
      files: { '/etc/resolv.conf': [1, 2, 3, 4].map((last) => `nameserver 10.77.0.${last}\n`).join('') },
    },
  },
  {
    code: 'GATEWAY_ADDRESS',
    problem: 'public',
    verdict: 'fail',
    what: 'a public address',
    context: { gatewayUrl: 'https://119.29.29.29' },
  },
  {
    code: 'GATEWAY_ADDRESS',
    problem: 'public',
    verdict: 'fail',
    what: 'a name with a private and a public address',
    patch: { network: { resolve: async () => ['10.77.0.1', '119.29.29.29'] } },
    context: named,
  },
  {
    code: 'GATEWAY_ADDRESS',
    problem: 'ownHost',
    verdict: 'fail',
    what: 'a name that /etc/hosts gives to the host itself',
    patch: { network: { resolve: async () => ['127.0.1.1'] } },
    context: named,
  },
  {
    code: 'GATEWAY_ROUTE',
    problem: 'none',
    verdict: 'fail',
    what: 'no route',
    patch: { network: { routeTo: async () => undefined } },
  },
  {
    code: 'NODE_ADDRESS',
    problem: 'unusable',
    verdict: 'fail',
    what: 'a link-local source address',
    patch: { network: route('169.254.7.9') },
  },
  {
    code: 'NODE_ADDRESS',
    problem: 'public',
    verdict: 'warn',
    what: 'a public source address',
    patch: {
      network: route('119.29.29.30'),
      interfaces: interfaceWith({ addresses: ['119.29.29.30/24'] }),
    },
  },
  {
    code: 'PRIVATE_LINE',
    problem: 'vpn',
    verdict: 'fail',
    what: 'OpenVPN with a tap device that looks like Ethernet',
    patch: linksAre([eth0, 'ether', 'tun type tap pi off vnet_hdr off']),
  },
  {
    code: 'PRIVATE_LINE',
    problem: 'vpn',
    verdict: 'fail',
    what: 'WireGuard under the name of eth0',
    patch: linksAre([eth0, 'none', 'wireguard']),
  },
  {
    code: 'PRIVATE_LINE',
    problem: 'vpn',
    verdict: 'fail',
    what: 'a tun device of an old ip that says no more',
    patch: linksAre([eth0, 'none', '']),
  },
  {
    code: 'PRIVATE_LINE',
    problem: 'vpn',
    verdict: 'fail',
    what: 'a dial-up line',
    patch: linksAre([eth0, 'ppp', 'ppp']),
  },
  {
    code: 'PRIVATE_LINE',
    problem: 'vpn',
    verdict: 'fail',
    what: 'GRE',
    patch: linksAre([eth0, 'gre', 'gre remote 203.0.113.7 local 10.77.0.11']),
  },
  {
    code: 'PRIVATE_LINE',
    problem: 'vpn',
    verdict: 'fail',
    what: 'VXLAN',
    patch: linksAre([eth0, 'ether', 'vxlan id 7 remote 203.0.113.7']),
  },
  {
    code: 'PRIVATE_LINE',
    problem: 'vpn',
    verdict: 'fail',
    what: 'an xfrm device',
    patch: linksAre([eth0, 'none', 'xfrm if_id 0x7']),
  },
  {
    code: 'PRIVATE_LINE',
    problem: 'vpn',
    verdict: 'fail',
    what: 'a VLAN on a tap',
    patch: linksAre(
      [eth0.replace('eth0', 'eth0@tap0'), 'ether', 'vlan protocol 802.1Q id 7'],
      ['tap0: <UP> mtu 1500', 'ether', 'tun type tap'],
    ),
  },
  {
    code: 'PRIVATE_LINE',
    problem: 'vpn',
    verdict: 'fail',
    what: 'a bond of tunnels',
    patch: linksAre(
      [eth0, 'ether', 'bond mode balance-rr'],
      ['gt0: <UP> mtu 1476 master eth0', 'ether', 'gretap remote 203.0.113.7'],
    ),
  },
  {
    code: 'PRIVATE_LINE',
    problem: 'vpn',
    verdict: 'fail',
    what: 'a bridge with a tap as its only port',
    patch: linksAre(
      [eth0, 'ether', 'bridge forward_delay 1500'],
      ['tap0: <UP> mtu 1500 master eth0', 'ether', 'tun type tap'],
    ),
  },
  {
    code: 'PRIVATE_LINE',
    problem: 'ipsec',
    verdict: 'fail',
    what: 'an IPsec policy over the way to the gateway',
    patch: {
      files: { '/proc/modules': (text) => `${text}xfrm_user 36864 2 - Live 0x0\n` },
      commands: { 'ip xfrm policy': ipsecPolicies },
    },
  },
  {
    code: 'PRIVATE_LINE',
    problem: 'unknown',
    verdict: 'warn',
    what: 'a device of a type that nobody knows',
    patch: linksAre([eth0, 'ieee802.15.4', '']),
  },
  {
    code: 'LINK_STATE',
    problem: 'down',
    verdict: 'fail',
    what: 'a cable that was pulled',
    patch: linksAre(['eth0: <NO-CARRIER,BROADCAST,MULTICAST,UP> mtu 1500', 'ether', '']),
  },
  {
    code: 'LINK_STATE',
    problem: 'down',
    verdict: 'fail',
    what: 'a device that was turned off',
    patch: linksAre(['eth0: <BROADCAST,MULTICAST> mtu 1500', 'ether', '']),
  },
  {
    code: 'LINK_SPEED',
    problem: 'slow',
    verdict: 'warn',
    what: '10 Mbit/s',
    patch: { files: { [`${device}/speed`]: '10\n' } },
  },
  {
    code: 'LINE_MTU',
    problem: 'small',
    verdict: 'fail',
    what: 'an MTU of 1200',
    patch: linksAre([eth0.replace('1500', '1200'), 'ether', '']),
  },
  {
    code: 'LINE_MTU',
    problem: 'tight',
    verdict: 'warn',
    what: 'an MTU of 1300',
    patch: linksAre([eth0.replace('1500', '1300'), 'ether', '']),
  },
  {
    code: 'LINE_MTU',
    problem: 'unknown',
    verdict: 'warn',
    what: 'no ip to say so; nor can the line be told then',
    patch: { commands: { 'ip -o -d link show': { exitCode: 1, stderr: 'no netlink' } } },
    also: ['PRIVATE_LINE', 'LINK_STATE', 'LINK_SPEED'],
  },
  {
    code: 'NETWORK_OVERLAP',
    problem: 'overlap',
    verdict: 'fail',
    what: 'pods in the network of the host',
    context: { clusterCidrs: ['172.20.0.0/16', '10.64.0.0/11'] },
  },
  {
    code: 'PROXY_AGREEMENT',
    problem: 'differ',
    verdict: 'warn',
    what: 'upper and lower case differ (with a proxy, the exceptions are looked at too)',
    patch: {
      files: {
        '/proc/self/environ':
          'http_proxy=http://a:3128\0HTTP_PROXY=http://b:3128\0NO_PROXY=127.0.0.1,localhost,.svc,.cluster.local,10.77.0.0/16,172.20.0.0/16,172.21.0.0/16',
      },
    },
    also: ['PROXY_BYPASS'],
  },
  {
    code: 'PROXY_BYPASS',
    problem: 'missing',
    verdict: 'warn',
    what: 'a proxy in /etc/environment, and no exceptions',
    patch: { files: { '/etc/environment': 'https_proxy="http://user:secret@proxy:3128"\n' } },
  },
  {
    code: 'PROXY_BYPASS',
    problem: 'missing',
    verdict: 'warn',
    what: "a proxy in a drop-in of systemd's",
    patch: {
      files: {
        '/etc/systemd/system.conf.d/proxy.conf':
          '[Manager]\nDefaultEnvironment="https_proxy=http://proxy:3128"\n',
      },
    },
  },
  {
    code: 'PROXY_BYPASS',
    problem: 'missing',
    verdict: 'warn',
    what: 'a proxy by systemctl set-environment',
    patch: {
      commands: { 'systemctl show-environment': 'LANG=C\nHTTPS_PROXY=http://127.0.0.1:9\nPATH=/bin\n' },
    },
  },
  {
    code: 'GATEWAY_CONNECTION',
    problem: 'refused',
    verdict: 'fail',
    what: 'a firewall on the way',
    patch: { network: { connect: wrong('ETIMEDOUT') } },
  },
  {
    code: 'GATEWAY_CONNECTION',
    problem: 'slow',
    verdict: 'warn',
    what: '350 ms',
    patch: { network: { connect: async () => 350 } },
  },
  {
    code: 'GATEWAY_CERTIFICATE',
    problem: 'distrusted',
    verdict: 'fail',
    what: 'a certificate of somebody else',
    patch: { probe: { trusted: false, distrust: 'SELF_SIGNED_CERT_IN_CHAIN' } },
  },
  {
    code: 'GATEWAY_CERTIFICATE',
    problem: 'noTls',
    verdict: 'fail',
    what: 'a middlebox that cuts TLS off; the clock cannot be compared either',
    patch: { network: { probeHttps: wrong('ECONNRESET') } },
    also: ['TIME_SKEW'],
  },
  {
    code: 'TIME_SYNC',
    problem: 'noService',
    verdict: 'warn',
    what: 'nobody keeps the clock',
    patch: {
      commands: {
        'systemctl show': 'Id=chronyd.service\nActiveState=inactive\nFragmentPath=\n',
        'timedatectl status': 'System clock synchronized: no\n',
      },
    },
  },
  {
    code: 'TIME_SYNC',
    problem: 'notSynchronized',
    verdict: 'warn',
    what: 'chrony reaches no server',
    patch: { commands: { 'chronyc -n tracking': 'Stratum : 0\nLeap status     : Not synchronised\n' } },
  },
  {
    code: 'TIME_SKEW',
    problem: 'wrong',
    verdict: 'fail',
    what: 'an hour late; the certificate is not blamed for it',
    patch: { probe: { serverTimeMs: nowMs + 3_600_000, trusted: false, distrust: 'CERT_NOT_YET_VALID' } },
  },
  {
    code: 'TIME_SKEW',
    problem: 'drifting',
    verdict: 'warn',
    what: 'ten seconds early',
    patch: { probe: { serverTimeMs: nowMs - 10_000 } },
  },
];
