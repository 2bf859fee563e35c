// The private line: a bridge in the cloud's network namespace and one veth pair per host. Hosts reach the
// cloud and each other (their pods too, by routes); the cloud may answer but never begin a connection to a
// host, so that everything the API server wants from a kubelet has to come through the tunnel. VXLAN alone
// may begin anywhere: it is the pods' own traffic, which the private line is for.
import { namespaceName, runInNamespace } from './namespaces.ts';
import type { HostState } from './registry.ts';

export const cloudAddress = '10.77.0.1';
export const cloudMember = 'cloud';
const lineNetwork = '10.77.0.0/24';
const podNetwork = '10.244.0.0/16';
export const bridge = 'line';
/** The host's interface on the line. */
export const hostInterface = 'eth0';

export function hostAddress(index: number): string {
  return `10.77.0.${10 + index}`;
}

export function podSubnet(index: number): string {
  return `10.244.${index}.0/24`;
}

export async function createLine(id: string): Promise<void> {
  const cloud = inCloud(id);
  // An address of its own: a bridge without one takes that of a port, another one whenever a host comes or
  // goes, and everybody would talk to the old one until they ask again.
  await cloud('ip', [
    'link',
    'add',
    bridge,
    'address',
    '02:00:0a:4d:00:01',
    'type',
    'bridge',
    'forward_delay',
    '0',
  ]);
  await cloud('ip', ['address', 'add', `${cloudAddress}/24`, 'dev', bridge]);
  await cloud('ip', ['link', 'set', bridge, 'up']);
  // The cloud is the hosts' default gateway, and there is nothing behind it: a packet to anywhere else comes
  // back at once as unreachable, instead of vanishing until some timeout.
  await cloud('ip', ['route', 'add', 'unreachable', 'default', 'metric', '4000']);
  await cloud('sysctl', ['-q', '-w', 'net.ipv4.ip_forward=1']);
  await cloud('sysctl', ['-q', '-e', '-w', 'net.bridge.bridge-nf-call-iptables=0']);
  await cloud('iptables', [
    '-A',
    'OUTPUT',
    '-d',
    lineNetwork,
    '-p',
    'udp',
    '--dport',
    '8472',
    '-j',
    'ACCEPT',
  ]);
  for (const network of [lineNetwork, podNetwork]) {
    const rule = ['-d', network, '-m', 'conntrack', '--ctstate', 'NEW', '-j', 'REJECT'];
    await cloud('iptables', ['-A', 'OUTPUT', '!', '-o', 'lo', ...rule]);
  }
}

/** Connects a host's namespace (already made) to the line and gives everybody the routes to its pods. */
export async function connectHost(id: string, host: HostState, others: readonly HostState[]): Promise<void> {
  const inside = inHost(id, host);
  const cloud = inCloud(id);
  const far = cloudInterface(host);
  const pair = ['link', 'add', far, 'type', 'veth', 'peer', 'name', hostInterface];
  await cloud('ip', [...pair, 'netns', namespaceName(id, host.name)]);
  await cloud('ip', ['link', 'set', far, 'master', bridge, 'up']);
  // Nobody else has its link-local address: it is there at once, not a second or two after each
  // time that the link comes up.
  await inside('sysctl', ['-q', '-e', '-w', `net.ipv6.conf.${hostInterface}.accept_dad=0`]);
  await inside('ip', ['address', 'add', `${host.address}/24`, 'dev', hostInterface]);
  await inside('ip', ['link', 'set', hostInterface, 'up']);
  await inside('ip', ['route', 'add', 'default', 'via', cloudAddress]);
  await cloud('ip', ['route', 'replace', podSubnet(host.index), 'via', host.address]);
  for (const other of others) {
    await inside('ip', ['route', 'replace', podSubnet(other.index), 'via', other.address]);
    await inHost(id, other)('ip', ['route', 'replace', podSubnet(host.index), 'via', host.address]);
  }
}

export async function disconnectHost(
  id: string,
  host: HostState,
  others: readonly HostState[],
): Promise<void> {
  const tolerant = { allowFailure: true };
  await inCloud(id)('ip', ['link', 'del', cloudInterface(host)], tolerant);
  await inCloud(id)('ip', ['route', 'del', podSubnet(host.index)], tolerant);
  for (const other of others)
    await inHost(id, other)('ip', ['route', 'del', podSubnet(host.index)], tolerant);
}

/** Cuts the cable: the far end goes down, and what was under way is lost. */
export async function setLink(id: string, host: HostState, state: 'up' | 'down'): Promise<void> {
  await inCloud(id)('ip', ['link', 'set', cloudInterface(host), state]);
}

/** The cloud's end of a host's cable. Interface names have 15 characters at most. */
export function cloudInterface(host: HostState): string {
  return `host${host.index}`;
}

function inCloud(id: string) {
  return (command: string, args: readonly string[], options = {}) =>
    runInNamespace(id, cloudMember, command, args, options);
}

function inHost(id: string, host: HostState) {
  return (command: string, args: readonly string[], options = {}) =>
    runInNamespace(id, host.name, command, args, options);
}
