// What Cilium leaves in a host's kernel, found in what tc and ip print, and what is done about it at a leave.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openBackups } from '../../../../agent/plan/backups.ts';
import {
  ciliumFilters,
  clsactDevices,
  ruleChanges,
  ruleLines,
} from '../../../../agent/plan/cilium-traces.ts';
import { ciliumDataPathKind } from '../../../../agent/plan/kinds/cilium-data-path.ts';
import { setAsideKind } from '../../../../agent/plan/kinds/set-aside.ts';
import { fixtureHost } from '../../../fixtures/host.ts';

const qdiscs = [
  'qdisc noqueue 0: dev lo root refcnt 2 ',
  'qdisc mq 0: dev eth0 root ',
  'qdisc clsact ffff: dev eth0 parent ffff:fff1 ',
  'qdisc clsact ffff: dev eth1 parent ffff:fff1 ',
].join('\n');
const ciliumIngress = [
  'filter protocol all pref 1 bpf chain 0 ',
  'filter protocol all pref 1 bpf chain 0 handle 0x1 cil_from_netdev-eth0 direct-action not_in_hw id 1466 tag 2b jited ',
  'filter protocol all pref 7 bpf chain 0 handle 0x1 own_program direct-action not_in_hw id 9 tag 3c jited ',
].join('\n');
const before = ['0: from all lookup local', '32766: from all lookup main', '32767: from all lookup default'];

test('devices and filters', () => {
  expect(clsactDevices(qdiscs)).toEqual(['eth0', 'eth1']);
  expect(ciliumFilters(ciliumIngress, 'ingress')).toEqual([{ direction: 'ingress', preference: '1' }]);
  expect(ciliumFilters('', 'egress')).toEqual([]);
  const old =
    'filter protocol all pref 1 bpf chain 0 handle 0x1 bpf_netdev_eth0.o:[from-netdev] direct-action';
  expect(ciliumFilters(old, 'egress')).toHaveLength(1);
});

describe('routing rules', () => {
  test('the local table is back in its place before anything else goes', () => {
    const now = ruleLines(
      '9:\tfrom all fwmark 0x200/0xf00 lookup 2004\n100:\tfrom all lookup local\n150:\tfrom 10.0.0.0/8 lookup 7\n32766:\tfrom all lookup main\n32767:\tfrom all lookup default\n',
    );
    expect(ruleChanges(now, before)).toEqual([
      ['add', 'preference', '0', 'lookup', 'local'],
      ['delete', 'preference', '9'],
      ['delete', 'preference', '100'],
    ]);
  });

  test('nothing to do where Cilium left the rules alone', () => {
    expect(ruleChanges([...before, '150: from all lookup 7'], before)).toEqual([]);
  });
});

function world(files: readonly string[], answers: Readonly<Record<string, string>>) {
  const root = mkdtempSync(join(tmpdir(), 'regnode-cilium-'));
  const put = (path: string, content = 'x') => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  };
  for (const path of [...files, '/var/lib/regnode/state.json']) put(path);
  const ran: string[] = [];
  const host = fixtureHost(root, {
    commands: (command, args) => {
      const line = [command, ...args].join(' ');
      if (line in answers) return answers[line];
      ran.push(line);
      return command === 'bpftool' ? undefined : '';
    },
  });
  const tools = { host, backups: openBackups(host) };
  return { host, tools, ran, put, [Symbol.dispose]: () => rmSync(root, { recursive: true }) };
}

describe('the data path', () => {
  const shown = {
    'tc qdisc show': qdiscs,
    'tc filter show dev eth0 ingress': ciliumIngress,
    'tc filter show dev eth0 egress': '',
    'tc filter show dev eth1 ingress': ciliumIngress,
    'tc filter show dev eth1 egress': '',
    'ip rule show': before.join('\n'),
  };
  const pins = [
    '/sys/fs/bpf/own/map',
    '/sys/fs/bpf/cilium/socketlb/links/cgroup/x',
    '/sys/fs/bpf/tc/globals/m',
  ];
  const noted = { clsact: ['eth1'], rules: before, pins: [], cgroupRoot: '/run/cilium/cgroupv2' };

  test('Cilium goes from devices and from the BPF file system, what others have there stays', async () => {
    using here = world(pins, shown);
    expect(await ciliumDataPathKind.undo(here.tools, [noted])).toEqual({ outcome: 'restored' });
    expect(here.ran).toEqual([
      'tc qdisc delete dev eth0 clsact',
      'tc filter delete dev eth1 ingress preference 1',
      'bpftool --json cgroup show /run/cilium/cgroupv2',
    ]);
    expect(await here.host.files.list('/sys/fs/bpf')).toEqual(['own']);
  });

  test('programs on control groups that nothing here can take off are told, not hidden', async () => {
    using here = world(['/sys/fs/bpf/tc/globals/m'], {
      'tc qdisc show': '',
      'ip rule show': before.join('\n'),
    });
    expect(await ciliumDataPathKind.undo(here.tools, [noted])).toMatchObject({
      outcome: 'kept',
      detail: expect.stringContaining('until the next boot'),
    });
  });

  test('bpftool takes off what is Cilium’s', async () => {
    const list = [
      { id: 11, attach_type: 'cgroup_inet4_connect', attach_flags: '', name: 'cil_sock4_connect' },
      { id: 12, attach_type: 'cgroup_device', attach_flags: 'multi', name: 'sd_devices' },
    ];
    using here = world(['/sys/fs/bpf/tc/globals/m'], {
      'tc qdisc show': '',
      'ip rule show': '',
      'bpftool --json cgroup show /run/cilium/cgroupv2': JSON.stringify(list),
      'bpftool cgroup detach /run/cilium/cgroupv2 cgroup_inet4_connect id 11': '',
    });
    expect(await ciliumDataPathKind.undo(here.tools, [noted])).toEqual({ outcome: 'restored' });
    expect(here.ran).toEqual([]);
  });

  test('where it never ran there is nothing to do, also a second time', async () => {
    using here = world([], { 'tc qdisc show': '', 'ip rule show': before.join('\n') });
    expect(await ciliumDataPathKind.undo(here.tools, [noted])).toEqual({ outcome: 'restored' });
    expect(here.ran).toEqual([]);
  });
});

describe('a configuration that is set aside', () => {
  const resource = { kind: 'set-aside', path: '/etc/cni/net.d/10-flannel.conflist', why: 'test' } as const;

  test('is put back as it was', async () => {
    using here = world([], {});
    here.put(resource.path, 'flannel');
    const isThere = await setAsideKind.observe(here.host, resource);
    expect(setAsideKind.compare(resource, isThere, false)).toMatchObject({ state: 'wrong' });
    const entry = await setAsideKind.record(here.tools, resource, isThere);
    await setAsideKind.apply(here.tools, resource, isThere);
    expect(await here.host.files.exists(resource.path)).toBe(false);
    expect(await setAsideKind.undo(here.tools, [entry])).toEqual({ outcome: 'restored' });
    expect(await here.host.files.readText(resource.path)).toBe('flannel');
    expect(await setAsideKind.undo(here.tools, [entry])).toEqual({ outcome: 'unchanged' });
  });

  test('does not overwrite what somebody put there since', async () => {
    using here = world([], {});
    here.put(resource.path, 'flannel');
    const entry = await setAsideKind.record(here.tools, resource, true);
    here.put(resource.path, 'another');
    expect(await setAsideKind.undo(here.tools, [entry])).toMatchObject({ outcome: 'kept' });
    expect(await here.host.files.readText(resource.path)).toBe('another');
    expect(await here.host.files.readText(`${resource.path}.regnode-original`)).toBe('flannel');
  });
});
