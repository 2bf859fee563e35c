// Which devices may carry the private line. What must be refused stands in the table of faults; here is what
// must not be, although it looks odd.
import { describe, expect, test } from 'vitest';
import { deviceNature } from '../../../../../agent/preflight/observation/devices.ts';
import { parseLinks } from '../../../../../agent/preflight/observation/links.ts';

const text = String.raw`1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN\    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00 promiscuity 0 addrgenmode eui64
2: ens3: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc mq master br0 state UP\    link/ether 52:54:00:00:00:11 brd ff:ff:ff:ff:ff:ff promiscuity 1 \    bridge_slave state forwarding priority 32 addrgenmode eui64 \    altname enp0s3
3: br0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP\    link/ether 52:54:00:00:00:11 brd ff:ff:ff:ff:ff:ff promiscuity 0 \    bridge forward_delay 1500 hello_time 200
4: vnet0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq master br0 state UNKNOWN\    link/ether fe:54:00:00:00:12 brd ff:ff:ff:ff:ff:ff promiscuity 1 \    tun type tap pi off vnet_hdr on \    bridge_slave state forwarding
5: eth0@if9: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 qdisc noqueue state UP\    link/ether 52:54:00:00:00:13 brd ff:ff:ff:ff:ff:ff link-netnsid 0 promiscuity 0 \    veth addrgenmode eui64
6: ens3.100@ens3: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP\    link/ether 52:54:00:00:00:11 brd ff:ff:ff:ff:ff:ff promiscuity 0 \    vlan protocol 802.1Q id 100 <REORDER_HDR>
7: bond0: <BROADCAST,MULTICAST,MASTER,UP,LOWER_UP> mtu 9000 qdisc noqueue state UP\    link/ether 52:54:00:00:00:14 brd ff:ff:ff:ff:ff:ff promiscuity 0 \    bond mode 802.3ad miimon 100
8: ens4: <BROADCAST,MULTICAST,SLAVE,UP,LOWER_UP> mtu 9000 qdisc mq master bond0 state UP\    link/ether 52:54:00:00:00:14 brd ff:ff:ff:ff:ff:ff promiscuity 0 \    bond_slave state ACTIVE
9: ib0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 2044 qdisc mq state UP\    link/infiniband 80:00:00:48 brd 00:ff:ff:ff
rubbish that no kernel says
`;
const links = parseLinks(text);

test('devices are read with what they lie on', () => {
  expect(links).toHaveLength(9);
  expect(links[1]).toEqual({
    name: 'ens3',
    mtu: 1500,
    flags: ['BROADCAST', 'MULTICAST', 'UP', 'LOWER_UP'],
    type: 'ether',
    macAddress: '52:54:00:00:00:11',
    kind: '',
    master: 'br0',
  });
  expect(links[4]).toMatchObject({ name: 'eth0', kind: 'veth', parent: 'if9', mtu: 1450 });
});

describe('no tunnels', () => {
  test.each([
    ['ens3', 'physical'],
    ['br0', 'virtual'],
    ['eth0', 'virtual'],
    ['ens3.100', 'virtual'],
    ['bond0', 'virtual'],
    ['ib0', 'physical'],
    ['lo', 'loopback'],
  ] as const)('%s is %s', (name, kind) => expect(deviceNature(links, name).kind).toBe(kind));

  test('what is not listed is unknown, never fine', () => {
    expect(deviceNature(links, 'eth7')).toEqual({ kind: 'unknown', detail: 'eth7: ?' });
    expect(deviceNature([], 'ens3').kind).toBe('unknown');
  });

  test('devices that name each other do not end in a circle', () => {
    const circle = parseLinks(
      String.raw`1: a@b: <UP> mtu 1500 master b\    link/ether 00:00:00:00:00:01 brd ff \    vlan id 1
2: b@a: <UP> mtu 1500 master a\    link/ether 00:00:00:00:00:02 brd ff \    vlan id 2`,
    );
    expect(deviceNature(circle, 'a').kind).toBe('virtual');
  });
});
