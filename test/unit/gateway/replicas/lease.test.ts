// A replica's Lease, against the API server's rules: taken, renewed, marked, given back, and lost to
// a process of the same name.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { leases } from '../../../../gateway/kubernetes/kinds.ts';
import { drainingAnnotation, ReplicaLease } from '../../../../gateway/replicas/lease.ts';
import type { Fault } from '../../../../protocol/catalogue/fault.ts';
import { type MemoryKubernetes, memoryKubernetes } from '../memory-kubernetes.ts';
import { logger } from '../port.ts';

let kubernetes: MemoryKubernetes;
let now: number;
let taken: Fault[];
const open: ReplicaLease[] = [];

beforeEach(() => {
  kubernetes = memoryKubernetes();
  now = Date.parse('2026-01-01T00:00:00Z');
  taken = [];
});
afterEach(async () => {
  for (const lease of open.splice(0)) await lease.release();
});

function replica(name = 'gw-a'): ReplicaLease {
  const lease = new ReplicaLease({
    kubernetes,
    name,
    address: '10.0.0.1:9465',
    logger,
    now: () => now,
    onTaken: (fault) => taken.push(fault),
    renewMs: 5,
  });
  open.push(lease);
  return lease;
}

const stored = () => kubernetes.stored(leases);
async function until(condition: () => boolean): Promise<void> {
  for (let round = 0; round < 400 && !condition(); round += 1)
    await new Promise((resolve) => setTimeout(resolve, 5));
  expect(condition()).toBe(true);
}

test('is taken, renewed as time passes, and given back', async () => {
  const lease = replica();
  await lease.take();
  expect(stored()).toMatchObject([
    {
      metadata: {
        name: 'regnode-gateway.gw-a',
        namespace: 'regnode-system',
        annotations: { 'regnode.io/replica-address': '10.0.0.1:9465' },
      },
      spec: { holderIdentity: 'gw-a', leaseDurationSeconds: 15, renewTime: '2026-01-01T00:00:00.000000Z' },
    },
  ]);
  now += 7000;
  await until(() => stored()[0]?.spec.renewTime === '2026-01-01T00:00:07.000000Z');
  expect(stored()[0]?.spec.acquireTime).toBe('2026-01-01T00:00:00.000000Z');
  await lease.release();
  expect(stored()).toEqual([]);
});

test('says that its replica is about to stop', async () => {
  const lease = replica();
  await lease.take();
  await lease.drain();
  expect(stored()[0]?.metadata.annotations).toMatchObject({ [drainingAnnotation]: 'true' });
});

test('of a process that was killed is taken over by the next of its name; who was only slow ends', async () => {
  await replica().take();
  const next = replica();
  await next.take();
  await until(() => taken.length === 1);
  expect(taken[0]).toMatchObject({ code: 'REPLICA_NAME_TAKEN', values: { name: 'gw-a' } });
  expect(stored()[0]?.spec.leaseTransitions).toBe(1);
  // The one that lost it does not take it away from the one that has it.
  await open[0]?.release();
  expect(stored()).toHaveLength(1);
});

test('a failure to renew is tried again, and a lease that was deleted is made again', async () => {
  const lease = replica();
  await lease.take();
  let failures = 0;
  kubernetes.before = () => {
    failures += 1;
    if (failures < 4) throw new Error('away');
  };
  await kubernetes.remove(leases, 'regnode-gateway.gw-a', { namespace: 'regnode-system' }).catch(() => {});
  await until(() => failures > 5);
  await kubernetes.remove(leases, 'regnode-gateway.gw-a', { namespace: 'regnode-system' });
  await until(() => stored().length === 1);
  expect(taken).toEqual([]);
});
