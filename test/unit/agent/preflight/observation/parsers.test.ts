// The readers of the host's texts, on texts as kernels and programs write them, the broken ones first.
import { describe, expect, test } from 'vitest';
import { countList } from '../../../../../agent/host/proc.ts';
import {
  contains,
  isOfHostOnly,
  isPrivate,
  overlaps,
  parseAddress,
} from '../../../../../agent/preflight/observation/addresses.ts';
import { parsePolicies } from '../../../../../agent/preflight/observation/ipsec.ts';
import {
  missingOptions,
  parseKernelConfig,
} from '../../../../../agent/preflight/observation/kernel-config.ts';
import { parseSockets } from '../../../../../agent/preflight/observation/listeners.ts';
import { parseOsRelease } from '../../../../../agent/preflight/observation/os-release.ts';
import { parseIptablesSave, parseNft } from '../../../../../agent/preflight/observation/packet-filter.ts';
import { isExempt, withoutCredentials } from '../../../../../agent/preflight/observation/proxies.ts';
import { parseSysctlFile } from '../../../../../agent/preflight/observation/sysctl-files.ts';
import { parseUnits } from '../../../../../agent/preflight/observation/units.ts';
import { isAtLeast, parseVersion } from '../../../../../protocol/compatibility/versions.ts';

describe('addresses', () => {
  test.each(['', '1.2.3', '1.2.3.4.5', '256.1.1.1', '1.2.3.x', ':::', '1::2::3', 'g::1', '1:2:3:4:5:6:7'])(
    '"%s" is none',
    (text) => expect(parseAddress(text)).toBeUndefined(),
  );

  test.each([
    ['10.77.0.1', true],
    ['172.16.0.1', true],
    ['172.32.0.1', false],
    ['192.168.255.255', true],
    ['100.64.0.1', true],
    ['100.128.0.1', false],
    ['119.29.29.29', false],
    ['fd00::1', true],
    ['2001:db8::1', false],
  ] as const)('%s is private: %s', (address, expected) => expect(isPrivate(address)).toBe(expected));

  test('some mean the host itself', () => {
    expect(['127.0.0.53', '::1', '169.254.1.1', 'fe80::1%eth0', '0.0.0.0'].filter(isOfHostOnly)).toHaveLength(
      5,
    );
    expect(isOfHostOnly('10.0.0.1')).toBe(false);
  });

  test('ranges contain and overlap', () => {
    expect(contains('10.0.0.0/8', '10.255.1.2')).toBe(true);
    expect(contains('10.0.0.0/33', '10.0.0.1')).toBe(false);
    expect(contains('0.0.0.0/0', '::1')).toBe(false);
    expect(contains('::ffff:10.0.0.0/104', '::ffff:10.255.1.2')).toBe(true);
    expect(overlaps('10.0.0.0/8', '10.77.0.11/24')).toBe(true);
    expect(overlaps('10.77.0.11/24', '10.0.0.0/8')).toBe(true);
    expect(overlaps('172.20.0.0/16', '10.77.0.11/24')).toBe(false);
  });
});

test('versions compare by numbers, whatever stands behind', () => {
  expect(parseVersion('5.4.119-19.0009.28')).toEqual([5, 4, 119]);
  expect(parseVersion('unknown')).toBeUndefined();
  expect(isAtLeast('5.4.119-19-0008', '5.4')).toBe(true);
  expect(isAtLeast('4.14.105', '5.4')).toBe(false);
  expect(isAtLeast('v1.9', 'v1.18')).toBe(false);
  expect(isAtLeast('1.36', '1.36.0')).toBe(true);
  expect(isAtLeast('rubbish', '0')).toBe(false);
});

test('os-release: quotes of both kinds, escapes, comments, rubbish', () => {
  const text = `# comment\nID='rocky'\nPRETTY_NAME="A \\"B\\" \\$C"\nVERSION_ID=8.10\nnot a line\n=x\nID_LIKE="rhel  fedora"`;
  expect(parseOsRelease(text)).toEqual({
    id: 'rocky',
    idLike: ['rhel', 'fedora'],
    versionId: '8.10',
    prettyName: 'A "B" $C',
  });
  expect(parseOsRelease('')).toEqual({ id: 'linux', idLike: [], versionId: '', prettyName: 'linux' });
});

test('kernel configuration: only y and m count, and renamed options are alternatives', () => {
  const config = parseKernelConfig(
    'CONFIG_VETH=m\n# CONFIG_SCTP is not set\nCONFIG_HZ=250\nCONFIG_NF_NAT=y\n',
  );
  expect([...config]).toEqual([
    ['VETH', 'm'],
    ['NF_NAT', 'y'],
  ]);
  expect(missingOptions(config, ['VETH', 'SCTP', 'NF_NAT_IPV4|NF_NAT'])).toEqual(['SCTP']);
});

test('units: blocks in any order, unknown ones are inactive', () => {
  const units = parseUnits(
    'ActiveState=active\nFragmentPath=/x\nId=a.service\n\nId=b.service\nActiveState=failed\n\nrubbish',
  );
  expect(units.get('a.service')).toEqual({ active: true, fragment: '/x' });
  expect(units.get('b.service')).toEqual({ active: false, fragment: '' });
  expect(units.size).toBe(2);
});

test('sockets: only those that wait, torn lines are passed over', () => {
  const table = `header\n   0: 0100007F:280A 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0 0 99 1\n   1: 0100007F:280B 0100007F:0016 01 0:0 0:0 0 0 0 98 1\n garbage\n`;
  expect(parseSockets('tcp', table)).toEqual([{ protocol: 'tcp', port: 10250, inode: '99' }]);
});

test('IPsec policies: only outgoing ones with a template encrypt', () => {
  const text =
    'src 0.0.0.0/0 dst 10.77.0.0/16\n\tdir out priority 1\nsrc 0.0.0.0/0 dst 10.78.0.0/16 \n\tdir out action allow\n\ttmpl src 1.1.1.1 dst 2.2.2.2\n';
  expect(parsePolicies(text)).toEqual([
    { destination: '10.77.0.0/16', direction: 'out', encrypts: false },
    { destination: '10.78.0.0/16', direction: 'out', encrypts: true },
  ]);
  expect(parsePolicies('')).toEqual([]);
});

test('packet filters: policies and last rules that refuse', () => {
  expect(parseIptablesSave(':INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n-A INPUT -p tcp -j REJECT\n')).toEqual([
    { hook: 'FORWARD', where: 'iptables FORWARD: DROP' },
  ]);
  const docker =
    'table ip filter {\n\tchain FORWARD {\n\t\ttype filter hook forward priority filter; policy drop;\n\t}\n}\n';
  expect(parseNft(docker)).toEqual([{ hook: 'FORWARD', where: 'nft ip filter FORWARD: policy drop' }]);
  expect(parseNft('')).toEqual([]);
});

describe('proxies', () => {
  test.each([
    ['10.77.0.1', '10.77.0.1', true],
    ['10.77.0.0/16', '10.77.0.1', true],
    ['10.78.0.0/16', '10.77.0.1', false],
    ['.example', 'gateway.example', true],
    ['example', 'gateway.example', true],
    ['*.example', 'gateway.example', true],
    ['example', 'gatewayexample', false],
    ['a, b example:443', 'gateway.example', true],
    ['*', 'anything', true],
    ['', 'anything', false],
  ] as const)('NO_PROXY=%s exempts %s: %s', (list, host, expected) =>
    expect(isExempt(list, host)).toBe(expected),
  );

  test('credentials are taken out', () => {
    expect(withoutCredentials('http://user:secret@proxy:3128')).toBe('http://proxy:3128');
    expect(withoutCredentials('user:secret@proxy:3128')).toBe('proxy:3128');
    expect(withoutCredentials('http://user:se@cr/et@proxy:3128')).toBe('http://proxy:3128');
    expect(withoutCredentials('http://proxy:3128')).toBe('http://proxy:3128');
  });
});

test('sysctl files: both spellings, comments, a leading dash', () => {
  expect(
    parseSysctlFile('f', '# net.ipv4.ip_forward=0\n; x\n-net/ipv4/ip_forward = 0 \nvm.swappiness=10\n'),
  ).toEqual([
    { file: 'f', name: 'net.ipv4.ip_forward', value: '0' },
    { file: 'f', name: 'vm.swappiness', value: '10' },
  ]);
});

test('lists of CPUs', () => {
  expect([countList('0-3,8'), countList('0'), countList('')]).toEqual([5, 1, 0]);
});
