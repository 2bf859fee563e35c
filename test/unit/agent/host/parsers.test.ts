// Pure readers of the host door: mount points and routes.
import { describe, expect, test } from 'vitest';
import { isBelow, mountOf, parseMounts } from '../../../../agent/host/mounts.ts';
import { parseInterfaceNames, parseRoute } from '../../../../agent/host/routes.ts';

const mountinfo = [
  '22 27 0:21 / /proc rw,relatime - proc proc rw',
  '27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard',
  '40 27 254:0 /srv/etc\\040copy /var/lib/kubelet rw,relatime shared:7 master:2 - ext4 /dev/vda rw',
  '41 40 0:50 / /var/lib/kubelet/pods rw - tmpfs tmpfs rw,size=1k',
  'broken line',
  '',
].join('\n');

describe('mounts', () => {
  test('bind mounts tell the folder they show', () => {
    const mounts = parseMounts(mountinfo);
    expect(mounts).toHaveLength(4);
    expect(mounts[2]).toEqual({
      path: '/var/lib/kubelet',
      device: '254:0',
      root: '/srv/etc copy',
      fileSystem: 'ext4',
      source: '/dev/vda',
      options: ['rw', 'relatime'],
    });
  });

  test.each([
    ['/', '/'],
    ['/var/lib/kubelet', '/var/lib/kubelet'],
    ['/var/lib/kubelet/config.yaml', '/var/lib/kubelet'],
    ['/var/lib/kubelet-other', '/'],
    ['/var/lib/kubelet/pods/x', '/var/lib/kubelet/pods'],
  ])('%s lies on %s', (path, mountPoint) => {
    expect(mountOf(path, parseMounts(mountinfo))?.path).toBe(mountPoint);
  });

  test('below is by whole names', () => {
    expect(isBelow('/opt/cni', '/opt/cni')).toBe(true);
    expect(isBelow('/opt/cni2', '/opt/cni')).toBe(false);
  });
});

test.each([
  ['', undefined],
  ['RTNETLINK answers: Network is unreachable', undefined],
  ['10.0.0.9 dev eth0 src 10.0.0.5 uid 0 \\    cache', { device: 'eth0', source: '10.0.0.5' }],
  [
    '8.8.8.8 via 10.0.0.1 dev eth0 src 10.0.0.5 uid 0',
    { device: 'eth0', source: '10.0.0.5', gateway: '10.0.0.1' },
  ],
  ['local 10.0.0.5 dev lo src 10.0.0.5 uid 0', { device: 'lo', source: '10.0.0.5' }],
])('route %j', (line, expected) => {
  expect(parseRoute(line)).toEqual(expected);
});

test('interfaces by their names, headings left out', () => {
  const text = [
    'Inter-|   Receive                                                |  Transmit',
    ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs',
    '    lo:   24664     265    0    0    0     0          0         0    24664     265',
    'veth1234@x:0 0 0',
    '',
  ].join('\n');
  expect(parseInterfaceNames(text)).toEqual(['lo', 'veth1234@x']);
});
