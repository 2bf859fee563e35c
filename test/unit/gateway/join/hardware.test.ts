// Two statements of hardware: of one machine, of two, or too little to say.
import { expect, test } from 'vitest';
import { compareHardware, mergedHardware, otherMachine } from '../../../../gateway/join/hardware.ts';
import { judgeMachine } from '../../../../gateway/join/readmission.ts';
import type { RegisteredNode } from '../../../../gateway/resources/registered-node.ts';

const known = { board: ['uuid-1', 'serial-1'], cards: ['aa:01', 'aa:02'], disks: ['disk-1'] };

test.each([
  ['the same', known, 'same'],
  ['one card of two replaced', { ...known, cards: ['aa:01', 'bb:01'] }, 'same'],
  ['all cards replaced', { ...known, cards: ['bb:01'] }, 'same'],
  ['a disk added', { ...known, disks: ['disk-1', 'disk-2'] }, 'same'],
  ['the disk replaced', { ...known, disks: ['disk-2'] }, 'same'],
  ['a board whose serial numbers were set anew, with its UUID', { ...known, board: ['uuid-1'] }, 'same'],
  ['the disk moved into another machine', { ...known, board: ['uuid-2'], cards: ['bb:01'] }, 'other'],
  [
    'a clone whose hypervisor gives all one UUID',
    { board: ['uuid-1'], cards: ['bb:01'], disks: ['d'] },
    'other',
  ],
  ['a clone', { board: ['uuid-2'], cards: ['bb:01'], disks: ['disk-2'] }, 'other'],
  ['a clone that tells two kinds', { board: ['uuid-2'], cards: ['bb:01'] }, 'other'],
  ['two kinds, one of which differs', { board: ['uuid-1'], cards: ['bb:01'] }, 'same'],
  ['one kind, which differs', { cards: ['bb:01'] }, 'unknown'],
  ['nothing', {}, 'unknown'],
  ['nothing at all', undefined, 'unknown'],
] as const)('%s: %#', (_, told, comparison) => {
  expect(compareHardware(known, told as typeof known | undefined).comparison).toBe(comparison);
  expect(compareHardware(told as typeof known | undefined, known).comparison).toBe(comparison);
});

test('nothing is known: whatever is told is no other machine', () => {
  expect(compareHardware(undefined, known).comparison).toBe('unknown');
  expect(mergedHardware(undefined, known)).toEqual(known);
  expect(mergedHardware(known, { cards: ['bb:01'] })).toEqual({ ...known, cards: ['bb:01'] });
  expect(mergedHardware(undefined, undefined)).toBeUndefined();
});

test('a refusal says which kinds, and nothing that the registered machine has told', () => {
  const existing = registered({});
  const fault = otherMachine(existing, { board: ['uuid-2'], cards: ['bb:01'], disks: ['disk-1'] });
  expect(fault).toMatchObject({
    code: 'HARDWARE_DIFFERS',
    values: { name: 'idc-1', detail: 'other board, network cards; the same disks' },
  });
  expect(JSON.stringify([fault?.message, fault?.explain('zh')])).not.toMatch(/uuid-1|aa:0|serial-1|disk-1/);
});

test('an operator lets another machine in, for a while', () => {
  const machine = { hostname: 'h', bootId: 'b', hardware: { board: ['uuid-2'], cards: ['bb:01'] } };
  const until = new Date(2000).toISOString();
  const readmitted = registered({ readmission: { until } });
  expect(judgeMachine(readmitted, machine, 1000)).toBeUndefined();
  expect(judgeMachine(readmitted, machine, 3000)).toMatchObject({ code: 'HARDWARE_DIFFERS' });
  const other = registered({ readmission: { until, machineId: 'f'.repeat(32) } });
  expect(judgeMachine(other, machine, 1000)).toMatchObject({ code: 'HARDWARE_DIFFERS' });
  expect(judgeMachine(undefined, machine, 1000)).toBeUndefined();
});

function registered(more: Partial<RegisteredNode['spec']>): RegisteredNode {
  return {
    metadata: { name: 'idc-1' },
    spec: { pool: 'idc', machineId: 'a'.repeat(32), keySha256: '', addresses: [], ...more },
    status: { facts: { hardware: known } },
  };
}
