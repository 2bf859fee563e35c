// Who is alive, who leads, and who looks after a node: from Leases, on our own clock.
import { beforeEach, describe, expect, test } from 'vitest';
import type { Lease } from '../../../../gateway/kubernetes/kinds.ts';
import { holderOf, looksAfter, lostTo } from '../../../../gateway/replicas/holding.ts';
import {
  addressAnnotation,
  drainingAnnotation,
  leaseMs,
  replicaLabel,
} from '../../../../gateway/replicas/lease.ts';
import { Roster } from '../../../../gateway/replicas/roster.ts';
import type { RegisteredNode } from '../../../../gateway/resources/registered-node.ts';

let now: number;
let roster: Roster;
let changes: number;

beforeEach(() => {
  now = 1_000_000;
  changes = 0;
  roster = new Roster('gw-b', () => now);
  roster.onChange(() => {
    changes += 1;
  });
});

function lease(name: string, draining = false): Lease {
  return {
    metadata: {
      name: `regnode-gateway.${name}`,
      labels: { [replicaLabel]: name },
      annotations: {
        [addressAnnotation]: `${name}:9465`,
        ...(draining ? { [drainingAnnotation]: 'true' } : {}),
      },
    },
    // Another machine's clock may say anything.
    spec: { holderIdentity: name, leaseDurationSeconds: 15, acquireTime: '1970', renewTime: '2100' },
  };
}

const renew = (name: string, draining = false) => roster.changed({ object: lease(name, draining) });
const names = () => roster.replicas.map(({ name, live }) => `${name}${live ? '' : ' dead'}`);

describe('life', () => {
  test('a lease that is not renewed runs out, and is told once', () => {
    renew('gw-a');
    renew('gw-b');
    expect(names()).toEqual(['gw-a', 'gw-b']);
    now += leaseMs - 1;
    renew('gw-b');
    roster.look();
    expect(changes).toBe(2);
    now += 1;
    roster.look();
    roster.look();
    expect(names()).toEqual(['gw-a dead', 'gw-b']);
    expect(changes).toBe(3);
  });

  test('a lease that is renewed is no news', () => {
    renew('gw-a');
    renew('gw-b');
    for (let count = 0; count < 10; count += 1) {
      now += 5000;
      renew('gw-a');
      renew('gw-b');
    }
    expect(changes).toBe(2);
    expect(names()).toEqual(['gw-a', 'gw-b']);
  });

  test('when our own lease is not renewed either, it is the API server that is away', () => {
    renew('gw-a');
    renew('gw-b');
    now += 10 * leaseMs;
    expect(names()).toEqual(['gw-a', 'gw-b']);
  });

  test('one that has ended in order is gone', () => {
    renew('gw-a');
    roster.changed({ object: undefined, previous: lease('gw-a') });
    expect(roster.get('gw-a')).toBeUndefined();
    expect(roster.isLive('gw-a')).toBe(false);
  });
});

describe('the leader', () => {
  test('is the first by name that is alive, and one that drains comes last', () => {
    renew('gw-b');
    expect(roster.isLeader).toBe(true);
    renew('gw-a');
    expect(roster.leader).toBe('gw-a');
    renew('gw-a', true);
    expect(roster.leader).toBe('gw-b');
    renew('gw-b', true);
    expect(roster.leader).toBe('gw-a');
  });

  test('that died is followed by the next', () => {
    renew('gw-a');
    renew('gw-b');
    now += leaseMs;
    renew('gw-b');
    expect(roster.isLeader).toBe(true);
  });

  test('alone, before any lease was read, leads', () => {
    expect(roster.leader).toBe('gw-b');
  });
});

describe('a node', () => {
  const node = (connected: boolean, gateway: string): RegisteredNode => ({
    metadata: { name: 'idc-1' },
    spec: { pool: 'idc', machineId: '', keySha256: '', addresses: [] },
    status: { tunnel: { connected, gateway, since: 'then' } },
  });
  const isLive = (name: string) => name !== 'gw-dead';
  const standing = { self: 'gw-b', leader: 'gw-a', isLive };

  test.each([
    ['is held by the live replica that says so', node(true, 'gw-b'), 'gw-b', true],
    ['of another replica is its business', node(true, 'gw-c'), 'gw-c', false],
    ['without a tunnel belongs to the leader', node(false, 'gw-b'), undefined, false],
    ['of a dead replica belongs to the leader', node(true, 'gw-dead'), undefined, false],
  ])('%s', (_name, registered, holder, ours) => {
    expect(holderOf(registered, standing)).toBe(holder);
    expect(looksAfter(registered, standing)).toBe(ours);
  });

  test('of nobody belongs to us when we lead', () => {
    expect(looksAfter(node(true, 'gw-dead'), { ...standing, leader: 'gw-b' })).toBe(true);
  });

  test.each([
    ['moved away', node(true, 'gw-b'), node(true, 'gw-c'), 'gw-c'],
    ['lost', node(true, 'gw-b'), node(false, 'gw-b'), undefined],
    ['came here', node(true, 'gw-c'), node(true, 'gw-b'), undefined],
    ['was elsewhere before', node(true, 'gw-c'), node(true, 'gw-d'), undefined],
    ['is gone', node(true, 'gw-b'), undefined, undefined],
  ])('that %s', (_name, previous, object, to) => {
    expect(lostTo('gw-b', { object, previous })).toBe(to);
  });
});
