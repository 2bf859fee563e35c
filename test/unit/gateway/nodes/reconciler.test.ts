// The life of a registered node as the gateway drives it: desired state, status,
// Node object, and every way out.
import { setImmediate } from 'node:timers/promises';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { createCounters } from '../../../../gateway/audit/counters.ts';
import { createEventRecorder } from '../../../../gateway/kubernetes/event-recorder.ts';
import { events, nodes, pods } from '../../../../gateway/kubernetes/kinds.ts';
import { KubernetesFailure } from '../../../../gateway/kubernetes/kubernetes.ts';
import { Departures } from '../../../../gateway/nodes/departures.ts';
import { Reconciler } from '../../../../gateway/nodes/reconciler.ts';
import { forceAnnotation } from '../../../../gateway/nodes/removal.ts';
import { Tunnels } from '../../../../gateway/nodes/tunnels.ts';
import { nodePools } from '../../../../gateway/resources/node-pool.ts';
import {
  leaveFinalizer,
  type RegisteredNode,
  registeredNodes,
} from '../../../../gateway/resources/registered-node.ts';
import type { HealthFinding } from '../../../../protocol/messages/health.ts';
import type { IdentityConflict } from '../../../../protocol/messages/machine.ts';
import { type MemoryKubernetes, memoryKubernetes } from '../memory-kubernetes.ts';
import { pool, store } from '../pool.ts';
import { logger } from '../port.ts';
import { fakeSession } from '../session.ts';

let kubernetes: MemoryKubernetes;
let tunnels: Tunnels;
let departures: Departures;
let reconciler: Reconciler;
let now: number;
let gone: string[];
let conflict: IdentityConflict | undefined;
const audited: Record<string, unknown>[] = [];

beforeEach(async () => {
  kubernetes = memoryKubernetes();
  tunnels = new Tunnels(() => now);
  now = Date.parse('2026-01-01T00:00:00Z');
  gone = [];
  conflict = undefined;
  audited.length = 0;
  await kubernetes.create(nodePools, pool('idc', { labels: { zone: 'a' } }));
  await register();
  const recordEvent = createEventRecorder(kubernetes, logger, () => now);
  const audit = {
    record: (record: object) => void audited.push({ ...record }),
    reopen: () => {},
    close: () => {},
  };
  const counters = createCounters();
  const shared = { kubernetes, tunnels, recordEvent, logger, now: () => now };
  departures = new Departures({ ...shared, audit, counters, drainTimeoutMs: 1000 });
  const find = <T extends { metadata: { name: string } }>(items: T[], name: string) =>
    items.find(({ metadata }) => metadata.name === name);
  reconciler = new Reconciler({
    ...shared,
    pools: (name) => find(kubernetes.stored(nodePools), name),
    registered: (name) => find(kubernetes.stored(registeredNodes), name),
    nodes: (name) => find(kubernetes.stored(nodes), name),
    contested: () => [],
    conflict: (name) => (name === 'idc-1' ? conflict : undefined),
    artifacts: async () => store,
    departures,
    gateway: 'gw-a',
    isLive: () => true,
    looksAfter: () => true,
    settled: () => true,
    onGone: (name) => gone.push(name),
  });
});

async function register(): Promise<void> {
  const created = await kubernetes.create<RegisteredNode>(registeredNodes, {
    metadata: { name: 'idc-1', finalizers: [leaveFinalizer], labels: { 'regnode.io/pool': 'idc' } },
    spec: { pool: 'idc', machineId: '', keySha256: '', addresses: ['10.77.0.11'] },
  });
  const status = {
    phase: 'Joining' as const,
    joinedAt: new Date(now).toISOString(),
    bootstrapTokenId: 'tok123',
    certificateSerials: ['AB'],
  };
  await kubernetes.replace(registeredNodes, { ...created, status }, 'status');
}

const registered = () => kubernetes.stored(registeredNodes)[0];
const found = (): RegisteredNode => {
  const node = registered();
  if (!node) throw new Error('there is no registration');
  return node;
};
const settle = async (times = 3) => {
  for (let i = 0; i < times; i++) {
    await reconciler.reconcile('idc-1');
    // A drain beside it ends, where there are no pods.
    await setImmediate();
  }
};
const reasons = () => kubernetes.stored(events).map(({ reason }) => reason);
const report = (revision: string) =>
  ({ kind: 'report', phase: 'Running', revision, versions: { kubelet: 'v1.20.2' }, detail: '' }) as const;

describe('what ails a node', () => {
  const finding: HealthFinding = {
    code: 'DISK_FILLING',
    condition: 'DiskFilling',
    severity: 'warning',
    since: '2026-01-01T00:00:00.000Z',
    dependsOn: [],
    values: { percent: 12 },
    message: 'it fills',
    remedy: 'clean it',
  };
  const nodeConditions = () => kubernetes.stored(nodes)[0]?.status?.conditions;

  test('is a condition of registration and Node, one event, and written once', async () => {
    await kubernetes.create(nodes, {
      metadata: { name: 'idc-1' },
      status: { conditions: [{ type: 'Ready', status: 'True' }] },
    });
    const session = fakeSession();
    tunnels.opened('idc-1', session);
    session.say({ ...report('r'), health: [finding] });
    await settle();
    expect(found().status?.conditions).toMatchObject([
      {},
      {},
      {},
      {},
      {},
      {},
      {},
      { type: 'DiskFilling', status: 'True' },
    ]);
    expect(nodeConditions()).toMatchObject([
      { type: 'Ready', status: 'True' },
      { type: 'DiskFilling', status: 'True', reason: 'DISK_FILLING' },
    ]);
    expect(reasons().filter((reason) => reason === 'DISK_FILLING')).toHaveLength(1);

    // The same again, an hour later: nothing is written.
    const versions = () => [found(), kubernetes.stored(nodes)[0]].map((one) => one?.metadata.resourceVersion);
    const before = [versions(), reasons()];
    now += 3_600_000;
    session.say({ ...report('r'), health: [finding] });
    await settle();
    expect([versions(), reasons()]).toEqual(before);

    session.say({ ...report('r'), health: [] });
    await settle();
    expect(nodeConditions()?.[1]).toMatchObject({ type: 'DiskFilling', status: 'False', reason: 'Cleared' });
    expect(reasons()).toContain('Cleared');
  });

  test('a gateway with the rights of an older release does everything else', async () => {
    await kubernetes.create(nodes, { metadata: { name: 'idc-1' } });
    kubernetes.before = (verb, plural) => {
      if (verb === 'patch/status' && plural === 'nodes') {
        throw new KubernetesFailure({ status: 403, reason: 'Forbidden', message: '', request: '' });
      }
    };
    const session = fakeSession();
    tunnels.opened('idc-1', session);
    session.say({ ...report('r'), health: [finding] });
    await settle();
    expect(found().status?.conditions?.at(-1)?.type).toBe('DiskFilling');
  });
});

describe('a running node', () => {
  test('gets its desired state once per session, and again when the pool changes', async () => {
    const session = fakeSession();
    tunnels.opened('idc-1', session);
    await settle();
    expect(session.sent.map(({ kind }) => kind)).toEqual(['desired', 'node']);
    await kubernetes.patch(nodePools, 'idc', { spec: { labels: { zone: 'b' } } });
    await settle();
    const revisions = session.sent.flatMap((message) =>
      message.kind === 'desired' ? [message.desired.revision] : [],
    );
    expect(new Set(revisions).size).toBe(2);
    const next = fakeSession();
    tunnels.opened('idc-1', next);
    await settle();
    expect(next.sent.map(({ kind }) => kind)).toEqual(['desired', 'node']);
  });

  test('is told how the cluster sees it, once for each session and change; a foreign Node is none', async () => {
    const session = fakeSession();
    tunnels.opened('idc-1', session);
    const seen = () =>
      session.sent.flatMap((message) =>
        message.kind === 'node' ? [`${message.ready} ${message.message}`] : [],
      );
    await settle();
    await kubernetes.create(nodes, { metadata: { name: 'idc-1' } });
    const ready = { conditions: [{ type: 'Ready', status: 'True', message: 'well' }] };
    await kubernetes.patch(nodes, 'idc-1', { status: ready });
    await settle();
    await kubernetes.remove(nodes, 'idc-1');
    await settle();
    const absent = 'Absent the kubelet has not registered yet';
    expect(seen()).toEqual([absent, 'True well', absent]);
    const next = fakeSession();
    tunnels.opened('idc-1', next);
    await settle();
    expect(next.sent).toContainEqual(expect.objectContaining({ kind: 'node', ready: 'Absent' }));
  });

  test('its report and its tunnel are in the status, which is not written again without a change', async () => {
    const session = fakeSession();
    tunnels.opened('idc-1', session);
    session.say(report('r0'));
    await settle();
    expect(registered()?.status).toMatchObject({
      phase: 'Running',
      revision: 'r0',
      tunnel: { connected: true },
    });
    const version = registered()?.metadata.resourceVersion;
    now += 60_000;
    await settle();
    expect(registered()?.metadata.resourceVersion).toBe(version);
  });

  test('a lost tunnel is in the status and told once', async () => {
    const session = fakeSession();
    tunnels.opened('idc-1', session);
    await settle();
    session.become('Resuming');
    await settle();
    expect(registered()?.status?.tunnel?.connected).toBe(false);
    expect(reasons()).toEqual(['TunnelConnected', 'TunnelLost']);
  });

  test('a second host with its identity is one event and a condition, another one another event', async () => {
    tunnels.opened('idc-1', fakeSession());
    await settle();
    const unique = () =>
      registered()?.status?.conditions?.find(({ type }) => type === 'IdentityUnique')?.status;
    const told = () => kubernetes.stored(events).filter(({ reason }) => reason === 'IdentityShared');
    expect([unique(), told()]).toEqual(['True', []]);
    const refused = (boot: string) => ({ address: '10.77.0.12', hostname: 'idc-1', bootId: `${boot}-0000` });
    conflict = { code: 'IDENTITY_IN_USE', refused: refused('5e6f7a8b') };
    await settle();
    now += 60_000;
    await settle();
    expect(unique()).toBe('False');
    expect(told()).toMatchObject([{ type: 'Warning', message: expect.stringContaining('boot 5e6f7a8b') }]);
    conflict = { code: 'IDENTITY_IN_USE', refused: refused('0a0b0c0d') };
    await settle();
    expect(told().map(({ message }) => message)).toEqual([
      expect.stringContaining('boot 5e6f7a8b'),
      expect.stringContaining('boot 0a0b0c0d'),
    ]);
    conflict = undefined;
    await settle();
    expect([unique(), told().length]).toEqual(['True', 2]);
  });

  test('a session that was superseded says nothing any more', async () => {
    const old = fakeSession();
    tunnels.opened('idc-1', old);
    tunnels.opened('idc-1', fakeSession());
    old.become('Closed');
    expect(tunnels.isConnected('idc-1')).toBe(true);
  });

  test('labels and taints are on the Node; a bootstrap token is good for nothing once its kubelet is Ready', async () => {
    await kubernetes.create(nodes, { metadata: { name: 'idc-1' } });
    await settle();
    expect(kubernetes.stored(nodes)[0]?.metadata.labels).toEqual({ zone: 'a', 'regnode.io/pool': 'idc' });
    expect(registered()?.status?.bootstrapTokenId).toBe('tok123');
    // The Node of this join, not one from before it: joined a second before the Node was made.
    const madeAt = Date.parse(kubernetes.stored(nodes)[0]?.metadata.creationTimestamp ?? '');
    const status = { ...found().status, joinedAt: new Date(madeAt - 1000).toISOString() };
    await kubernetes.replace(registeredNodes, { ...found(), status }, 'status');
    const ready = { conditions: [{ type: 'Ready', status: 'True' }] };
    await kubernetes.patch(nodes, 'idc-1', { status: ready });
    await settle();
    expect(registered()?.status?.bootstrapTokenId).toBeUndefined();
  });

  test('a pool that wants what the store lacks is said in an event, and the rest goes on', async () => {
    await kubernetes.patch(nodePools, 'idc', { spec: { kubernetesVersion: 'v9.9.9' } });
    const session = fakeSession();
    tunnels.opened('idc-1', session);
    await settle();
    expect(session.sent.map(({ kind }) => kind)).toEqual(['node']);
    expect(reasons()).toContain('NoDesiredState');
    expect(registered()?.status?.tunnel?.connected).toBe(true);
  });

  test('a claim whose join is under way is not touched', async () => {
    await kubernetes.replace(registeredNodes, { ...found(), status: {} } as RegisteredNode, 'status');
    const version = registered()?.metadata.resourceVersion;
    await settle();
    expect(registered()?.metadata.resourceVersion).toBe(version);
  });
});

describe('whose the Node is', () => {
  const cloud = () => kubernetes.stored(nodes)[0];
  const written = (kind: string) => {
    const verbs: string[] = [];
    kubernetes.before = (verb, plural) => {
      if (plural === kind && !/^(get|list)/.test(verb)) verbs.push(verb);
    };
    return verbs;
  };
  /** A registration that somebody wrote by hand, with the name of a node that is there already. */
  async function byHand(): Promise<void> {
    await kubernetes.create(nodes, { metadata: { name: 'cloud-1' } });
    await kubernetes.create<RegisteredNode>(registeredNodes, {
      metadata: { name: 'cloud-1', finalizers: [leaveFinalizer] },
      spec: { pool: 'idc', machineId: '', keySha256: '', addresses: [] },
    });
  }

  test('its uid is recorded when it appears, and what is written onto it, in one write', async () => {
    await kubernetes.create(nodes, { metadata: { name: 'idc-1' } });
    await settle();
    const { nodeUid, applied } = found().status ?? {};
    expect(nodeUid).toBe(cloud()?.metadata.uid);
    expect(applied).toEqual({ labels: ['regnode.io/pool', 'zone'], taints: [], unschedulable: false });
    const again = [written('registerednodes'), written('nodes')];
    await settle();
    expect(again).toEqual([[], []]);
  });

  test('a label that leaves the pool leaves the Node, and one that the kubelet claims for ours stays', async () => {
    const claim = JSON.stringify({ labels: ['tier'], taints: ['quarantine:NoExecute'], unschedulable: true });
    await kubernetes.create(nodes, {
      metadata: { name: 'idc-1', labels: { tier: 'x' }, annotations: { 'regnode.io/applied': claim } },
      spec: { taints: [{ key: 'quarantine', effect: 'NoExecute' }], unschedulable: true },
    });
    await settle();
    await kubernetes.patch(nodePools, 'idc', { spec: { labels: { zone: null, rack: '7' } } });
    await settle();
    expect(cloud()?.metadata).toMatchObject({
      labels: { tier: 'x', rack: '7', 'regnode.io/pool': 'idc' },
      annotations: {},
    });
    expect(cloud()?.metadata.labels).not.toHaveProperty('zone');
    expect(cloud()?.spec).toEqual({
      taints: [{ key: 'quarantine', effect: 'NoExecute' }],
      unschedulable: true,
    });
    expect(found().status?.applied?.labels).toEqual(['rack', 'regnode.io/pool']);
  });

  test.each([1, 2, 3])('a death at write %i leaves no label behind', async (dies) => {
    await kubernetes.create(nodes, { metadata: { name: 'idc-1' } });
    await settle();
    await kubernetes.patch(nodePools, 'idc', { spec: { labels: { zone: null, rack: '7' } } });
    let writes = 0;
    kubernetes.before = (verb) => {
      if (!/^(get|list|create)/.test(verb) && ++writes === dies) throw new Error('the gateway dies here');
    };
    await settle().catch(() => {});
    kubernetes.before = () => {};
    await kubernetes.patch(nodePools, 'idc', { spec: { labels: { rack: null } } });
    await settle();
    expect(cloud()?.metadata.labels).toEqual({ 'regnode.io/pool': 'idc' });
    expect(found().status?.applied?.labels).toEqual(['regnode.io/pool']);
  });

  test('nothing that a node reports writes what is remembered', async () => {
    await kubernetes.create(nodes, { metadata: { name: 'idc-1' } });
    await settle();
    const session = fakeSession();
    tunnels.opened('idc-1', session);
    const applied = { labels: ['tier'], taints: [], unschedulable: true };
    const claim = { nodeUid: 'uid-of-another', applied, joinedAt: 'x', certificateSerials: ['FF'] };
    const before = found().status;
    session.say({ ...report('r1'), ...claim } as never);
    await settle();
    expect(found().status?.revision).toBe('r1');
    const { nodeUid, joinedAt, certificateSerials } = found().status ?? {};
    expect({ nodeUid, joinedAt, certificateSerials }).toEqual({
      nodeUid: before?.nodeUid,
      joinedAt: before?.joinedAt,
      certificateSerials: ['AB'],
    });
    expect(found().status?.applied).toEqual(before?.applied);
  });

  test('a registration written by hand with the name of a cloud node touches it in nothing, and goes', async () => {
    await byHand();
    const before = cloud();
    const changes = written('nodes');
    await reconciler.reconcile('cloud-1');
    await kubernetes.remove(registeredNodes, 'cloud-1');
    for (let i = 0; i < 3; i++) await reconciler.reconcile('cloud-1');
    expect(kubernetes.stored(registeredNodes).map(({ metadata }) => metadata.name)).toEqual(['idc-1']);
    expect(cloud()).toEqual(before);
    expect(changes).toEqual([]);
    expect(audited).toMatchObject([
      { event: 'removal', node: 'cloud-1', kind: 'never-joined', nodeObject: 'left-alone' },
    ]);
  });

  test('also by force', async () => {
    await byHand();
    const before = cloud();
    await kubernetes.patch(registeredNodes, 'cloud-1', {
      metadata: { annotations: { [forceAnnotation]: 'true' } },
    });
    await kubernetes.remove(registeredNodes, 'cloud-1');
    await reconciler.reconcile('cloud-1');
    expect(cloud()).toEqual(before);
    expect(audited).toMatchObject([{ kind: 'forced', nodeObject: 'left-alone' }]);
  });

  test('one of before is told in an event and not written', async () => {
    await kubernetes.create(nodes, { metadata: { name: 'idc-1' } });
    await kubernetes.remove(registeredNodes, 'idc-1');
    await kubernetes.patch(registeredNodes, 'idc-1', { metadata: { finalizers: null } });
    await register();
    const before = cloud();
    await settle();
    expect(cloud()).toEqual(before);
    expect(reasons()).toContain('NodeNotOurs');
    expect(found().status?.ready).toBe('Absent');
    await departures.deregister(found());
    expect(cloud()).toEqual(before);
    expect(audited.at(-1)).toMatchObject({ event: 'removal', kind: 'left', nodeObject: 'left-alone' });
  });

  test('a kubelet that writes its Node without end keeps no taint of the pool off it', async () => {
    const taints = [{ key: 'idc', effect: 'NoSchedule' as const }];
    await kubernetes.patch(nodePools, 'idc', { spec: { taints } });
    await kubernetes.create(nodes, { metadata: { name: 'idc-1' } });
    let writes = 0;
    kubernetes.before = async (verb, plural, body) => {
      const isKubelets = JSON.stringify(body).includes('beat');
      if (verb !== 'patch' || plural !== 'nodes' || isKubelets) return;
      writes += 1;
      await kubernetes.patch(nodes, 'idc-1', { metadata: { annotations: { beat: String(writes) } } });
    };
    await settle();
    expect(kubernetes.stored(nodes)[0]?.spec?.taints).toEqual(taints);
    await kubernetes.patch(nodePools, 'idc', { spec: { taints: [{ ...taints[0], value: 'b' }] } });
    await settle();
    expect(kubernetes.stored(nodes)[0]?.spec?.taints).toEqual([{ ...taints[0], value: 'b' }]);
    expect(writes).toBeGreaterThan(1);
  });

  test('a kubelet that gives another machine id keeps no taint, drain or deletion off its Node', async () => {
    await kubernetes.patch(registeredNodes, 'idc-1', { spec: { machineId: 'a'.repeat(32) } });
    const taint = { key: 'idc', value: 'true', effect: 'NoSchedule' };
    await kubernetes.patch(nodePools, 'idc', { spec: { taints: [taint] } });
    const nodeInfo = { machineID: 'b'.repeat(32) };
    await kubernetes.create(nodes, { metadata: { name: 'idc-1' }, status: { nodeInfo } });
    await settle();
    expect(cloud()?.spec?.taints).toEqual([taint]);
    await departures.drain(found(), 'test');
    expect(cloud()?.spec?.unschedulable).toBe(true);
    await departures.deregister(found());
    expect(kubernetes.stored(nodes)).toEqual([]);
  });

  test('one that was deleted and registered again is ours again, with nothing written yet', async () => {
    await kubernetes.create(nodes, { metadata: { name: 'idc-1' } });
    await settle();
    const first = found().status?.nodeUid;
    await kubernetes.remove(nodes, 'idc-1');
    await kubernetes.create(nodes, { metadata: { name: 'idc-1' } });
    await settle();
    expect(found().status?.nodeUid).not.toBe(first);
    expect(cloud()?.metadata.labels).toEqual({ zone: 'a', 'regnode.io/pool': 'idc' });
  });

  test('a Node that took the name between look and deletion stays', async () => {
    await kubernetes.create(nodes, { metadata: { name: 'idc-1' } });
    await settle();
    kubernetes.before = async (verb, plural) => {
      if (verb !== 'delete' || plural !== 'nodes') return;
      kubernetes.before = () => {};
      await kubernetes.remove(nodes, 'idc-1');
      await kubernetes.create(nodes, { metadata: { name: 'idc-1' } });
    };
    await departures.deregister(found());
    expect(kubernetes.stored(nodes)).toHaveLength(1);
    expect(audited.at(-1)).toMatchObject({ event: 'removal', nodeObject: 'left-alone' });
  });
});

describe('leaving', () => {
  beforeEach(async () => {
    await kubernetes.create(nodes, { metadata: { name: 'idc-1' } });
  });

  test('removed by the operator: drained, told to leave, gone when the agent deregisters', async () => {
    const session = fakeSession();
    tunnels.opened('idc-1', session);
    await kubernetes.remove(registeredNodes, 'idc-1');
    await settle();
    expect(registered()?.status?.phase).toBe('Leaving');
    expect(kubernetes.stored(nodes)[0]?.spec?.unschedulable).toBe(true);
    expect(session.sent.filter(({ kind }) => kind === 'leave')).toHaveLength(1);
    expect(session.sent.some(({ kind }) => kind === 'desired')).toBe(false);
    await departures.deregister(found());
    expect(kubernetes.stored(registeredNodes)).toEqual([]);
    expect(kubernetes.stored(nodes)).toEqual([]);
    await settle(1);
    expect(gone).toEqual(['idc-1']);
    expect(audited.map(({ event }) => event)).toEqual(['drain', 'removal']);
    expect(reasons()).toContain('NodeLeft');
  });

  test('a budget that lets a pod not go keeps the host, says so, and is asked again', async () => {
    const session = fakeSession();
    tunnels.opened('idc-1', session);
    const controller = [{ kind: 'ReplicaSet', name: 'x', controller: true }];
    const metadata = { name: 'web', namespace: 'default', uid: 'u', ownerReferences: controller };
    await kubernetes.create(pods, { metadata, spec: { nodeName: 'idc-1' } });
    kubernetes.answer = (_method, path) => {
      if (path === '/api/v1') return { resources: [] };
      throw new KubernetesFailure({ status: 429, reason: 'TooManyRequests', message: 'budget', request: '' });
    };
    await kubernetes.remove(registeredNodes, 'idc-1');
    const isHeldBack = async () => expect(await reconciler.reconcile('idc-1')).toBe(60_000);
    const heldBack = () => vi.waitFor(isHeldBack, { timeout: 20_000 });
    await heldBack();
    expect(session.sent.filter(({ kind }) => kind === 'leave')).toEqual([]);
    expect(reasons()).toContain('DrainHeldBack');
    await kubernetes.remove(pods, 'web', { namespace: 'default' });
    await heldBack();
    expect(session.sent.filter(({ kind }) => kind === 'leave')).toHaveLength(1);
  });

  test('a host that is not there is waited for, and told when it comes back', async () => {
    await kubernetes.remove(registeredNodes, 'idc-1');
    await settle();
    expect(kubernetes.stored(nodes)).toHaveLength(1);
    const session = fakeSession();
    tunnels.opened('idc-1', session);
    await settle();
    expect(session.sent.map(({ kind }) => kind)).toEqual(['leave']);
  });

  test('an agent that does not react is told again after a while', async () => {
    const session = fakeSession();
    tunnels.opened('idc-1', session);
    await kubernetes.remove(registeredNodes, 'idc-1');
    await settle();
    expect(await reconciler.reconcile('idc-1')).toBe(60_000);
    now += 60_000;
    await settle();
    expect(session.sent.map(({ kind }) => kind)).toEqual(['leave', 'leave']);
  });

  test('forced: gone at once, with nobody asked', async () => {
    await kubernetes.patch(registeredNodes, 'idc-1', {
      metadata: { annotations: { [forceAnnotation]: 'true' } },
    });
    await kubernetes.remove(registeredNodes, 'idc-1');
    await settle();
    expect(kubernetes.stored(registeredNodes)).toEqual([]);
    expect(kubernetes.stored(nodes)).toEqual([]);
    expect(audited).toMatchObject([{ event: 'removal', kind: 'forced' }]);
  });

  test('deregistering twice, or after half of it was done, is harmless', async () => {
    const before = found();
    await kubernetes.remove(nodes, 'idc-1');
    await departures.deregister(before);
    await departures.deregister(before);
    expect(kubernetes.stored(registeredNodes)).toEqual([]);
  });

  test('two who ask for a drain at the same time share one', async () => {
    const [a, b] = [departures.drain(found(), 'x'), departures.drain(found(), 'y')];
    expect(a).toBe(b);
    await a;
    expect(audited.filter(({ event }) => event === 'drain')).toHaveLength(1);
  });

  test('a host that leaves does not share the drain of an upgrade, which spares pods', async () => {
    const [a, b] = [
      departures.drain(found(), 'x', { evictUnmanaged: false }),
      departures.drain(found(), 'y'),
    ];
    expect(a).not.toBe(b);
    expect(departures.drain(found(), 'z', { evictUnmanaged: false })).toBe(a);
    await Promise.all([a, b]);
  });
});
