// Removals of many nodes at once: what holds one of them holds nobody else.
import { expect, test, vi } from 'vitest';
import { createCounters } from '../../../../gateway/audit/counters.ts';
import { createEventRecorder } from '../../../../gateway/kubernetes/event-recorder.ts';
import { events, nodes, pods } from '../../../../gateway/kubernetes/kinds.ts';
import { KubernetesFailure } from '../../../../gateway/kubernetes/kubernetes.ts';
import { Departures } from '../../../../gateway/nodes/departures.ts';
import { Tunnels } from '../../../../gateway/nodes/tunnels.ts';
import { WorkQueue } from '../../../../gateway/nodes/work-queue.ts';
import {
  leaveFinalizer,
  type RegisteredNode,
  registeredNodes,
} from '../../../../gateway/resources/registered-node.ts';
import { memoryKubernetes } from '../memory-kubernetes.ts';
import { logger } from '../port.ts';
import { fakeSession } from '../session.ts';

const names = Array.from({ length: 10 }, (_, index) => `idc-${index}`);

/** Ten nodes that are being removed, each with a pod that a disruption budget keeps. */
async function tenRemovals({ drainTimeoutMs }: { drainTimeoutMs: number }) {
  const kubernetes = memoryKubernetes();
  const tunnels = new Tunnels(Date.now);
  const audited: string[] = [];
  let held = true;
  kubernetes.answer = (_method, path) => {
    if (path === '/api/v1') return { resources: [] };
    const name = /pods\/([^/]+)\/eviction$/.exec(path)?.[1] ?? '';
    if (held) {
      const refusal = { status: 429, reason: 'TooManyRequests', message: 'budget', request: '' };
      throw new KubernetesFailure(refusal);
    }
    return kubernetes.remove(pods, name, { namespace: 'default' });
  };
  const session = new Map(names.map((name) => [name, fakeSession()]));
  for (const name of names) {
    await kubernetes.create(nodes, { metadata: { name } });
    const created = await kubernetes.create<RegisteredNode>(registeredNodes, {
      metadata: { name, finalizers: [leaveFinalizer] },
      spec: { pool: 'idc', machineId: '', keySha256: '', addresses: [] },
    });
    const status = { joinedAt: new Date().toISOString() };
    await kubernetes.replace(registeredNodes, { ...created, status }, 'status');
    await kubernetes.remove(registeredNodes, name);
    const ownerReferences = [{ kind: 'ReplicaSet', name: 'x', controller: true }];
    const metadata = { name: `web-${name}`, namespace: 'default', uid: `pod-${name}`, ownerReferences };
    await kubernetes.create(pods, { metadata, spec: { nodeName: name } });
    const one = session.get(name);
    if (one) tunnels.opened(name, one);
  }
  const departures = new Departures({
    ...{ kubernetes, tunnels, logger, drainTimeoutMs },
    audit: {
      record: ({ event }) => void audited.push(event),
      reopen: () => {},
      close: () => {},
    },
    counters: createCounters(),
    recordEvent: createEventRecorder(kubernetes, logger, Date.now),
    now: Date.now,
  });
  const visited: string[] = [];
  const queue = new WorkQueue({
    run: async (name) => {
      const found = kubernetes.stored(registeredNodes).find(({ metadata }) => metadata.name === name);
      if (found) await departures.advance(found);
      visited.push(name);
    },
    onError: (_name, error) => {
      throw error;
    },
  });
  departures.onDrained((name) => queue.add(name));
  for (const name of names) queue.add(name);
  const letGo = () => {
    held = false;
  };
  const toldToLeave = () =>
    names.filter((name) => session.get(name)?.sent.some(({ kind }) => kind === 'leave'));
  return { kubernetes, departures, queue, visited, audited, letGo, toldToLeave };
}

test('ten that disruption budgets hold let everybody else’s be reconciled', async () => {
  const { departures, queue, visited, audited, toldToLeave, letGo } = await tenRemovals({
    drainTimeoutMs: 300_000,
  });
  queue.add('somebody-else');
  await queue.idle();
  expect(visited).toContain('somebody-else');
  expect(audited).toEqual([]);
  expect(toldToLeave()).toEqual([]);
  letGo();
  await vi.waitFor(() => expect(toldToLeave()).toEqual(names), { timeout: 20_000 });
  departures.stop();
});

test('thousands of mirror pods of its own fill no audit of a node that is drained', async () => {
  const kubernetes = memoryKubernetes();
  const created = await kubernetes.create<RegisteredNode>(registeredNodes, {
    metadata: { name: 'idc-1' },
    spec: { pool: 'idc', machineId: '', keySha256: '', addresses: [] },
  });
  const status = { joinedAt: new Date().toISOString() };
  const registered = await kubernetes.replace(registeredNodes, { ...created, status }, 'status');
  await kubernetes.create(nodes, { metadata: { name: 'idc-1' } });
  const annotations = { 'kubernetes.io/config.mirror': 'x' };
  for (let count = 0; count < 1000; count += 1) {
    const metadata = {
      name: `${'p'.repeat(240)}${count}`,
      namespace: 'default',
      uid: `${count}`,
      annotations,
    };
    await kubernetes.create(pods, { metadata, spec: { nodeName: 'idc-1' } });
  }
  const records: string[] = [];
  const departures = new Departures({
    ...{ kubernetes, tunnels: new Tunnels(Date.now), logger, drainTimeoutMs: 0 },
    audit: { record: (one) => void records.push(JSON.stringify(one)), reopen() {}, close() {} },
    counters: createCounters(),
    recordEvent: () => {},
    now: Date.now,
  });
  const answer = await departures.drain(registered, 'the host leaves');
  expect(answer.remainingPods).toHaveLength(1000);
  expect(records).toHaveLength(1);
  expect(records[0]).toContain('"unsaid":700');
  expect(records[0]?.length).toBeLessThan(100_000);
});

test('a gateway that stops tells no host to leave whose pods are still there', async () => {
  const { departures, queue, kubernetes, toldToLeave, audited } = await tenRemovals({
    drainTimeoutMs: 300_000,
  });
  await queue.idle();
  departures.stop();
  await vi.waitFor(() => expect(audited).toHaveLength(names.length), { timeout: 20_000 });
  for (const name of names) queue.add(name);
  await queue.idle();
  expect(toldToLeave()).toEqual([]);
  expect(kubernetes.stored(events)).toEqual([]);
});
