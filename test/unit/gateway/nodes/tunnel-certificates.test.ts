// When a tunnel's certificate makes others void, and when the tunnel itself is closed.
import { beforeEach, expect, test, vi } from 'vitest';
import { TunnelCertificates } from '../../../../gateway/nodes/tunnel-certificates.ts';
import type { RegisteredNode } from '../../../../gateway/resources/registered-node.ts';
import { memoryKubernetes } from '../memory-kubernetes.ts';
import { logger } from '../port.ts';

let listed: RegisteredNode;
let closed: string[];
let certificates: TunnelCertificates;
const listing = (...certificateSerials: string[]): RegisteredNode => ({
  metadata: { name: 'idc-1' },
  spec: { pool: 'idc', machineId: '', keySha256: '', addresses: [] },
  status: { certificateSerials },
});

beforeEach(() => {
  closed = [];
  listed = listing('A');
  certificates = new TunnelCertificates({
    kubernetes: memoryKubernetes(),
    logger,
    registered: () => listed,
    close: (name, reason) => closed.push(`${name}: ${reason}`),
  });
});

test('a serial that is struck closes the tunnel that it opened, once', () => {
  certificates.opened('idc-1', 'A');
  certificates.changed({ name: 'idc-1', previous: listing('A'), object: listing() });
  certificates.changed({ name: 'idc-1', previous: listing('A'), object: listing() });
  expect(closed).toEqual(['idc-1: its certificate was revoked']);
});

test('a registration that is gone closes it too', () => {
  certificates.opened('idc-1', 'A');
  certificates.changed({ name: 'idc-1', previous: listing('A'), object: undefined });
  expect(closed).toEqual(['idc-1: the node was removed']);
});

test('a renewal closes nothing: not the new serial, not the end of the old, not a copy that lags behind', () => {
  certificates.opened('idc-1', 'A');
  certificates.changed({ name: 'idc-1', previous: listing('A'), object: listing('A', 'B') });
  certificates.opened('idc-1', 'B');
  certificates.changed({ name: 'idc-1', previous: listing('A'), object: listing('A') });
  certificates.changed({ name: 'idc-1', previous: listing('A'), object: listing('A', 'B') });
  certificates.changed({ name: 'idc-1', previous: listing('A', 'B'), object: listing('B') });
  expect(closed).toEqual([]);
});

test('nodes whose tunnels are elsewhere are not our business', () => {
  certificates.changed({ name: 'idc-2', previous: listing('A'), object: undefined });
  expect(closed).toEqual([]);
});

test('one that was struck since it was shown begins nothing; one that a copy does not know yet does', () => {
  const shown = certificates.shown('idc-1', 'A');
  const young = certificates.shown('idc-1', 'B');
  expect([shown.isGood(), young.isGood()]).toEqual([true, true]);
  listed = listing('C');
  expect([shown.isGood(), young.isGood()]).toEqual([false, true]);
});

test('a connection that has not said HELLO takes nothing from the tunnel that is there', () => {
  certificates.shown('idc-1', 'A').inUse();
  certificates.shown('idc-1', 'B');
  certificates.changed({ name: 'idc-1', previous: listing('A', 'B'), object: listing('B') });
  expect(closed).toEqual(['idc-1: its certificate was revoked']);
});

test('one that the API server does not list is closed, whatever a copy knew', async () => {
  certificates.shown('idc-1', 'B').inUse();
  await vi.waitFor(() => expect(closed).toEqual(['idc-1: its certificate was revoked']));
});
