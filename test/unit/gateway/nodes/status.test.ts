// A RegisteredNode's status: computed alike from the same facts, so that it is written only when they change.
import { describe, expect, test } from 'vitest';
import { nodeStatus, type Observation, sameStatus } from '../../../../gateway/nodes/status.ts';
import type { RegisteredNode } from '../../../../gateway/resources/registered-node.ts';
import { withoutEmpty } from '../../../../gateway/resources/without-empty.ts';

const registered: RegisteredNode = {
  metadata: { name: 'idc-1' },
  spec: { pool: 'idc', machineId: '', keySha256: '', addresses: [] },
  status: { phase: 'Joining', joinedAt: 'then', certificateSerials: ['AB'] },
};
const seen: Observation = {
  node: undefined,
  tunnel: undefined,
  gateway: 'gw-a',
  isLive: () => true,
  settled: true,
  desiredRevision: 'r1',

  contested: [],
  nowMs: 1000,
};
const report = {
  kind: 'report',
  phase: 'Running',
  revision: 'r1',
  versions: { kubelet: 'v1' },
  detail: '',
} as const;
const open = { connected: true, sinceMs: 500, report, claimed: false };

test('a host that reports and is connected', () => {
  expect(nodeStatus(registered, { ...seen, tunnel: open })).toMatchObject({
    phase: 'Running',
    revision: 'r1',
    versions: { kubelet: 'v1' },
    certificateSerials: ['AB'],
    tunnel: { connected: true, gateway: 'gw-a' },
    ready: 'Absent',
    conditions: [
      { type: 'TunnelConnected', status: 'True' },
      { type: 'Configured', status: 'True' },
      { type: 'Ready', status: 'False', reason: 'NoNodeObject' },
      { type: 'AddressesOwned', status: 'True' },
      { type: 'IdentityUnique', status: 'True' },
      { type: 'VersionsCurrent', status: 'True' },
      { type: 'InSync', status: 'True', reason: 'NoDrift' },
    ],
  });
});

test('an address that its host has and that is refused is said, until it is not', () => {
  const spec = { ...registered.spec, addresses: ['10.77.0.11'] };
  const addressRefused = { address: '10.77.0.99', detail: 'it belongs to the Node cloud-1' };
  const owned = (more: object) =>
    nodeStatus({ ...registered, spec, status: { ...registered.status, ...more } }, seen).conditions?.find(
      ({ type }) => type === 'AddressesOwned',
    );
  expect(owned({ addressRefused })).toMatchObject({
    status: 'False',
    reason: 'AddressRefused',
    message: expect.stringContaining('10.77.0.99'),
  });
  expect(owned({})).toMatchObject({ status: 'True' });
});

test('a second host with its identity is named, kept over a start of the gateway, and over when nobody asks', () => {
  const host = { address: '10.77.0.11', hostname: 'idc-1', bootId: '1a2b3c4d-0000' };
  const refused = { address: '10.77.0.12', hostname: 'idc-1', bootId: '5e6f7a8b-0000' };
  const conflict = { code: 'IDENTITY_IN_USE', refused };
  const shared = nodeStatus(registered, { ...seen, tunnel: { ...open, host }, conflict });
  const unique = (status: typeof shared) => status.conditions?.find(({ type }) => type === 'IdentityUnique');
  expect(shared).toMatchObject({ identityConflict: conflict, tunnel: { host } });
  expect(unique(shared)).toMatchObject({
    status: 'False',
    reason: 'IdentityShared',
    message:
      'idc-1 at 10.77.0.11, boot 1a2b3c4d is this node; another host asks for it and is refused: idc-1 at 10.77.0.12, boot 5e6f7a8b (IDENTITY_IN_USE)',
  });
  const later = { ...registered, status: shared };
  expect(unique(nodeStatus(later, { ...seen, settled: false }))?.status).toBe('False');
  const over = nodeStatus(later, seen);
  expect(unique(over)?.status).toBe('True');
  expect(over.identityConflict).toBeUndefined();
});

test('what is not its own is said with the reason', () => {
  const contested = [{ what: '10.77.0.11', detail: 'it belongs to the RegisteredNode idc-0' }];
  const owned = nodeStatus(registered, { ...seen, contested }).conditions?.find(
    ({ type }) => type === 'AddressesOwned',
  );
  expect(owned).toMatchObject({
    status: 'False',
    reason: 'AddressContested',
    message: '10.77.0.11: it belongs to the RegisteredNode idc-0',
  });
});

test('the same facts later give the same status', () => {
  const first = nodeStatus(registered, { ...seen, tunnel: open });
  const second = nodeStatus({ ...registered, status: first }, { ...seen, tunnel: open, nowMs: 99_000 });
  expect(sameStatus(first, second)).toBe(true);
});

test('only a condition that changes gets a new time', () => {
  const first = nodeStatus(registered, { ...seen, tunnel: open });
  const lost = { ...seen, tunnel: { ...open, connected: false, sinceMs: 2000 }, nowMs: 2000 };
  const second = nodeStatus({ ...registered, status: first }, lost);
  const times = second.conditions?.map(({ lastTransitionTime }) => Date.parse(lastTransitionTime));
  expect(times).toEqual([2000, 1000, 1000, 1000, 1000, 1000, 1000]);
});

describe('the tunnel', () => {
  const known = (connected: boolean, gateway: string): RegisteredNode => ({
    ...registered,
    status: { ...registered.status, tunnel: { connected, since: 'then', gateway } },
  });

  test('of another replica is not spoken of', () => {
    expect(nodeStatus(known(true, 'gw-b'), seen).tunnel).toMatchObject({ connected: true, gateway: 'gw-b' });
  });

  test('that moved away from here is not said to be lost', () => {
    const moved = { ...seen, tunnel: { ...open, connected: false } };
    expect(nodeStatus(known(true, 'gw-b'), moved).tunnel).toMatchObject({
      connected: true,
      gateway: 'gw-b',
    });
  });

  test('of before a restart gets time to come back, then is lost', () => {
    expect(nodeStatus(known(true, 'gw-a'), { ...seen, settled: false }).tunnel?.connected).toBe(true);
    expect(nodeStatus(known(true, 'gw-a'), seen).tunnel?.connected).toBe(false);
  });

  test('that comes here belongs here, and is written once', () => {
    expect(nodeStatus(known(true, 'gw-b'), { ...seen, tunnel: open }).tunnel?.gateway).toBe('gw-a');
    const claimed = { ...seen, tunnel: { ...open, claimed: true } };
    expect(nodeStatus(known(true, 'gw-b'), claimed).tunnel?.gateway).toBe('gw-b');
    expect(nodeStatus(known(false, 'gw-b'), claimed).tunnel?.gateway).toBe('gw-a');
  });

  test('of a replica that has died is lost once agents had time to come back, or is here', () => {
    const dead = { ...seen, isLive: (gateway: string) => gateway !== 'gw-b' };
    expect(nodeStatus(known(true, 'gw-b'), { ...dead, settled: false }).tunnel?.connected).toBe(true);
    expect(nodeStatus(known(true, 'gw-b'), dead).tunnel).toMatchObject({
      connected: false,
      gateway: 'gw-b',
    });
    const here = { ...dead, tunnel: { ...open, claimed: true } };
    expect(nodeStatus(known(true, 'gw-b'), here).tunnel).toMatchObject({ connected: true, gateway: 'gw-a' });
  });
});

test('a node that is being removed is Leaving whatever it reports', () => {
  const leaving = { ...registered, metadata: { name: 'idc-1', deletionTimestamp: 'now' } };
  expect(nodeStatus(leaving, { ...seen, tunnel: open }).phase).toBe('Leaving');
});

test('empty strings are left out at every depth', () => {
  expect(withoutEmpty({ detail: '', versions: { a: '', b: '1' } })).toEqual({ versions: { b: '1' } });
});
