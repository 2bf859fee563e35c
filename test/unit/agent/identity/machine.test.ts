// Which machine a host is, from what its kernel shows: what every machine has alike counts as not told.
import { expect, test } from 'vitest';
import type { Host } from '../../../../agent/host/host.ts';
import { readHardware, readMachine } from '../../../../agent/identity/machine.ts';

/** A host that has these files alone; what lies above them is a folder. */
function hostWith(files: Readonly<Record<string, string>>): Host {
  const below = (path: string) => Object.keys(files).filter((file) => file.startsWith(`${path}/`));
  return {
    hostname: async () => 'idc-1',
    files: {
      readText: async (path: string) => files[path],
      list: async (path: string) => {
        const names = below(path).map((file) => file.slice(path.length + 1).split('/')[0] ?? '');
        return names.length === 0 ? undefined : [...new Set(names)];
      },
      status: async (path: string) =>
        below(path).length > 0 || path in files ? { kind: 'file' } : undefined,
    },
  } as unknown as Host;
}

const board = (name: string, value: string) => ({ [`/sys/class/dmi/id/${name}`]: `${value}\n` });
const card = (name: string, address: string, type = '0') => ({
  [`/sys/class/net/${name}/device/vendor`]: '0x8086',
  [`/sys/class/net/${name}/addr_assign_type`]: `${type}\n`,
  [`/sys/class/net/${name}/address`]: `${address}\n`,
});
const disk = (name: string, file: string, value: string) => ({
  [`/sys/class/block/${name}/device/model`]: 'disk',
  [`/sys/class/block/${name}/${file}`]: `${value}\n`,
});

test('a server: its board, its cards, its disks', async () => {
  const host = hostWith({
    ...board('product_uuid', '4C4C4544-0042-4D10-8056-B7C04F503432'),
    ...board('board_serial', '.BM8V472.CNFCW0085 E00A1.'),
    ...card('eth1', 'b8:59:9f:00:00:02'),
    ...card('eth0', 'b8:59:9f:00:00:01'),
    ...card('vf0', 'ba:11:22:33:44:55', '1'),
    ...card('bonded', 'b8:59:9f:00:00:01', '3'),
    '/sys/class/net/bonded/bonding_slave/perm_hwaddr': 'b8:59:9f:00:00:03\n',
    '/sys/class/net/cilium_host/address': 'aa:bb:cc:dd:ee:ff\n',
    ...disk('sda', 'device/wwid', 'naa.5000c500a1b2c3d4'),
    ...disk('nvme0n1', 'device/serial', 'S4EWNX0R  123456 '),
    '/sys/class/block/sda1/partition': '1\n',
    '/proc/sys/kernel/random/boot_id': '1a2b3c4d-0000-4000-8000-000000000000\n',
  });
  expect(await readMachine(host)).toEqual({
    hostname: 'idc-1',
    bootId: '1a2b3c4d-0000-4000-8000-000000000000',
    hardware: {
      board: ['.bm8v472.cnfcw0085 e00a1.', '4c4c4544-0042-4d10-8056-b7c04f503432'],
      cards: ['b8:59:9f:00:00:01', 'b8:59:9f:00:00:02', 'b8:59:9f:00:00:03'],
      disks: ['naa.5000c500a1b2c3d4', 's4ewnx0r 123456'],
    },
  });
});

test.each([
  ...['Not Specified', 'None', 'To Be Filled By O.E.M.', 'Default string', 'System Serial Number', 'N/A'],
  ...['00000000-0000-0000-0000-000000000000', 'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF', '0123456789', '0', ''],
  ...['03000200-0400-0500-0006-000700080009', '................', 'xxxxxxxxxx', 'Unknown', 'OEM'],
])('a board that says "%s" says nothing', async (value) => {
  expect(await readHardware(hostWith(board('product_uuid', value)))).toBeUndefined();
});

test.each(['QM00001', 't10.ATA QEMU HARDDISK QM00002', '0QEMU QEMU HARDDISK drive-scsi0', ''])(
  'a disk that is called "%s" on every machine says nothing',
  async (value) => {
    expect(await readHardware(hostWith(disk('sda', 'serial', value)))).toBeUndefined();
  },
);

test('a host that shows nothing', async () => {
  expect(await readHardware(hostWith({}))).toBeUndefined();
  expect(await readMachine(hostWith({}))).toEqual({ hostname: 'idc-1', bootId: '' });
});
