// Nodes of hosts that an administrator has expelled, against a Kubernetes in memory: they go, they keep
// nothing from anybody, and no other Node does.
import { pino } from 'pino';
import { beforeEach, expect, test } from 'vitest';
import { nameObjection } from '../../../../gateway/addresses/claims.ts';
import { configMaps, type NodeObject, nodes } from '../../../../gateway/kubernetes/kinds.ts';
import { gatewayNamespace } from '../../../../gateway/kubernetes/names.ts';
import type { Change } from '../../../../gateway/kubernetes/watcher.ts';
import { ExpelledNodes, expelledConfigMap } from '../../../../gateway/nodes/expelled.ts';
import { writeExpulsion } from '../../../../gateway/nodes/expulsion.ts';
import { registeredNodes } from '../../../../gateway/resources/registered-node.ts';
import { bookNow } from '../book.ts';
import { type MemoryKubernetes, memoryKubernetes } from '../memory-kubernetes.ts';

const nowMs = Date.parse('2026-11-30T12:00:00Z');
const later = '2027-11-30T12:00:00Z';

let kubernetes: MemoryKubernetes;
let audited: object[];
let changed: ((change: Change<NodeObject>) => void)[];
let expelled: ExpelledNodes;
beforeEach(() => {
  kubernetes = memoryKubernetes();
  audited = [];
  changed = [];
  expelled = new ExpelledNodes({
    kubernetes,
    registered: {
      get: (name) => kubernetes.stored(registeredNodes).find(({ metadata }) => metadata.name === name),
    },
    nodes: {
      get: (name) => kubernetes.stored(nodes).find(({ metadata }) => metadata.name === name),
      onChange: (listener) => changed.push(listener),
    },
    audit: { record: (record) => audited.push(record) },
    logger: pino({ level: 'silent' }),
    now: () => nowMs,
  });
});

const expel = (data: Record<string, string>) =>
  kubernetes.create(configMaps, { metadata: { name: expelledConfigMap, namespace: gatewayNamespace }, data });
const said = {
  spec: { podCIDRs: ['10.77.0.0/16'] },
  status: {
    addresses: [
      { type: 'Hostname', address: 'wanted' },
      { type: 'InternalIP', address: '10.77.0.11' },
    ],
  },
};
const nodeNames = () => kubernetes.stored(nodes).map(({ metadata }) => metadata.name);

test('the Node of an expelled host is deleted whenever it is made again, and told once a minute', async () => {
  await expel({ hostile: later });
  for (let times = 0; times < 3; times++) {
    await kubernetes.create(nodes, { metadata: { name: 'hostile' }, ...said });
    await expelled.round();
    expect(nodeNames()).toEqual([]);
  }
  expect(audited).toMatchObject([{ event: 'expulsion', node: 'hostile' }]);
});

test('one that appears leads to a round by itself', async () => {
  await expel({ hostile: later });
  await expelled.start();
  const object = await kubernetes.create(nodes, { metadata: { name: 'hostile' } });
  for (const listener of changed)
    listener({ name: 'hostile', namespace: undefined, object, previous: undefined });
  await expect.poll(nodeNames, { timeout: 60_000 }).toEqual([]);
  await expelled.stop();
});

test('no other Node goes: one that is not listed, whose time is over, or that a host has joined under again', async () => {
  await expel({ over: '2026-11-30T11:59:59Z', back: later, 'by-hand': later });
  for (const name of ['cloud-1', 'over', 'back', 'by-hand'])
    await kubernetes.create(nodes, { metadata: { name } });
  const spec = { pool: 'idc', machineId: '', keySha256: '', addresses: [] };
  await kubernetes.create(registeredNodes, { metadata: { name: 'back' }, spec });
  const status = { joinedAt: new Date(nowMs).toISOString() };
  await kubernetes.patch(registeredNodes, 'back', { status }, { subresource: 'status' });
  await kubernetes.create(registeredNodes, { metadata: { name: 'by-hand' }, spec });
  await expelled.round();
  expect(nodeNames()).toEqual(['cloud-1', 'over', 'back']);
});

test('a time that can’t be read has no end', async () => {
  await expel({ hostile: 'for ever' });
  await expelled.round();
  expect(expelled.has('hostile')).toBe(true);
});

test('what it lists keeps no address, range or name from a join, also before it is deleted', async () => {
  await kubernetes.create(nodes, { metadata: { name: 'hostile' }, ...said });
  const holders = async () => {
    const { holders, ranges } = await (await bookNow(kubernetes, expelled)).current([]);
    return [...['wanted', '10.77.0.11'].flatMap((key) => [...holders(key)]), ...ranges].length;
  };
  expect(await holders()).toBe(3);
  await expel({ hostile: later });
  kubernetes.before = (verb, plural) => {
    if (verb === 'delete' && plural === 'nodes') throw new Error('the API server is away');
  };
  await expect(expelled.round()).rejects.toThrow('away');
  expect(await holders()).toBe(0);
});

test('no host joins under the name of an expelled one, until its time is over', async () => {
  await expel({ hostile: later, over: '2026-11-30T11:59:59Z' });
  await expelled.round();
  const claims = await (await bookNow(kubernetes, expelled)).current([]);
  const refusal = (name: string) => nameObjection(name, { name, sinceMs: Number.POSITIVE_INFINITY }, claims);
  expect(refusal('hostile')).toBe('it belongs to the expelled host hostile');
  expect(['over', 'next'].map(refusal)).toEqual([undefined, undefined]);
});

test('one is put on the list and taken off it, the others stay, and the audit has both', async () => {
  await writeExpulsion(kubernetes, 'first', later);
  await expelled.round();
  await writeExpulsion(kubernetes, 'hostile', later);
  await expelled.round();
  expect([expelled.has('first'), expelled.has('hostile')]).toEqual([true, true]);
  await writeExpulsion(kubernetes, 'hostile', null);
  await expelled.round();
  expect([expelled.has('first'), expelled.has('hostile')]).toEqual([true, false]);
  expect(audited).toEqual([
    { event: 'expulsion', node: 'hostile', outcome: 'listed', until: later },
    { event: 'expulsion', node: 'hostile', outcome: 'undone', until: null },
  ]);
});
