// Whose a name or an address is, once nodes are there: the first owner keeps it, what is taken away goes
// back, and what cannot be a node's own leads to nobody.
import { beforeEach, describe, expect, test } from 'vitest';
import { addressObjection } from '../../../../gateway/addresses/claims.ts';
import { endpointSlices, nodes, pods, services } from '../../../../gateway/kubernetes/kinds.ts';
import { nodePools } from '../../../../gateway/resources/node-pool.ts';
import { registeredNodes } from '../../../../gateway/resources/registered-node.ts';
import { bookNow } from '../book.ts';
import { type MemoryKubernetes, memoryKubernetes } from '../memory-kubernetes.ts';
import { pool } from '../pool.ts';

let kubernetes: MemoryKubernetes;
beforeEach(async () => {
  kubernetes = memoryKubernetes();
  await kubernetes.create(nodePools, pool('idc'));
});

async function register(name: string, addresses: string[], joined = true): Promise<void> {
  const spec = { pool: 'idc', machineId: '', keySha256: '', addresses };
  await kubernetes.create(registeredNodes, { metadata: { name }, spec });
  const status = { joinedAt: new Date().toISOString() };
  if (joined) await kubernetes.patch(registeredNodes, name, { status }, { subresource: 'status' });
}

const ownerOf = async (host: string) => (await bookNow(kubernetes)).ownerOf(host);
const contested = async (name: string) => {
  const node = kubernetes.stored(registeredNodes).find(({ metadata }) => metadata.name === name);
  if (!node) throw new Error(`there is no ${name}`);
  return (await bookNow(kubernetes)).contested(node);
};

test('a name in any letters, an address in any form', async () => {
  await register('idc-1', ['10.77.0.11', 'FD00:0::11']);
  for (const host of [
    'idc-1',
    'IDC-1',
    'idc-1.',
    '10.77.0.11',
    '::ffff:10.77.0.11',
    'fd00::11',
    'fd00:0:0::11',
  ])
    expect(await ownerOf(host), host).toBe('idc-1');
  for (const host of ['idc-2', '10.77.0.12', 'idc-1.example.com', '', '10.77.11', '::'])
    expect(await ownerOf(host), host).toBeUndefined();
});

test('the first owner keeps an address, and it goes back when the owner is removed', async () => {
  await register('idc-1', ['10.77.0.11']);
  await register('hostile', ['10.77.0.11', '10.77.0.66']);
  expect(await ownerOf('10.77.0.11')).toBe('idc-1');
  expect(await contested('hostile')).toEqual([
    { what: '10.77.0.11', detail: 'it belongs to the RegisteredNode idc-1' },
  ]);
  expect(await contested('idc-1')).toEqual([]);
  await kubernetes.remove(registeredNodes, 'idc-1');
  expect(await ownerOf('10.77.0.11')).toBe('hostile');
  expect(await contested('hostile')).toEqual([]);
});

test('the rightful one has it again after a hostile one that came first has gone', async () => {
  await register('hostile', ['10.77.0.11']);
  await register('idc-1', ['10.77.0.11']);
  expect(await ownerOf('10.77.0.11')).toBe('hostile');
  await kubernetes.remove(registeredNodes, 'hostile');
  expect(await ownerOf('10.77.0.11')).toBe('idc-1');
});

test('a join that has not ended owns nothing', async () => {
  await register('idc-1', ['10.77.0.11'], false);
  expect(await ownerOf('idc-1')).toBeUndefined();
  expect(await ownerOf('10.77.0.11')).toBeUndefined();
});

describe('registrations of an earlier release', () => {
  test('lead nobody to them by the name of a Service, or addresses of Services and of the API server', async () => {
    const spec = { clusterIP: '10.96.0.50' };
    await kubernetes.create(services, { metadata: { name: 'hook', namespace: 'default' }, spec });
    await register('hook.default.svc', ['10.96.0.50', '10.77.0.1', '127.0.0.1', '10.77.0.66']);
    for (const host of ['hook.default.svc', '10.96.0.50', '10.77.0.1', '127.0.0.1'])
      expect(await ownerOf(host), host).toBeUndefined();
    expect(await ownerOf('10.77.0.66')).toBe('hook.default.svc');
    expect((await contested('hook.default.svc')).map(({ what }) => what)).toEqual([
      ...['hook.default.svc', '10.96.0.50', '10.77.0.1', '127.0.0.1'],
    ]);
  });

  test('with the name of a Node of the cloud, which was there before', async () => {
    const status = { addresses: [{ type: 'InternalIP', address: '10.50.0.9' }] };
    await kubernetes.create(nodes, { metadata: { name: 'cloud-1' }, status });
    await register('cloud-1', ['10.50.0.9']);
    expect(await ownerOf('cloud-1')).toBeUndefined();
    expect(await ownerOf('10.50.0.9')).toBeUndefined();
  });
});

test('its own Node, whatever it says, changes nothing', async () => {
  await register('idc-1', ['10.77.0.11']);
  await register('hostile', ['10.77.0.66']);
  await kubernetes.create(nodes, {
    metadata: { name: 'hostile' },
    spec: { podCIDRs: ['0.0.0.0/0'], podCIDR: '0.0.0.0/0' },
    status: { addresses: [{ type: 'InternalIP', address: '10.77.0.11' }] },
  });
  expect(await ownerOf('10.77.0.11')).toBe('idc-1');
  expect(await ownerOf('10.77.0.66')).toBe('hostile');
});

describe('a removed host', () => {
  const podCIDRs = ['0.0.0.0/0', '::/0'];
  const addresses = ['idc-1', '10.77.0.11', 'fd00::11'].map((address) => ({ type: 'InternalIP', address }));
  const said = { spec: { podCIDRs }, status: { addresses } };
  const own = ['idc-1', '10.77.0.11', 'fd00::11'];

  test('a removed host that writes its Node again takes nothing from nodes that were there', async () => {
    await register('idc-1', own.slice(1));
    await kubernetes.create(nodes, { metadata: { name: 'removed' }, ...said });
    for (const host of own) expect(await ownerOf(host), host).toBe('idc-1');
    expect(await contested('idc-1')).toEqual([]);
  });

  test('nor by what it writes later, when its Node is older than they are', async () => {
    await kubernetes.create(nodes, { metadata: { name: 'removed' } });
    await register('idc-1', own.slice(1));
    await kubernetes.patch(nodes, 'removed', said);
    for (const host of own) expect(await ownerOf(host), host).toBe('idc-1');
    expect(await contested('idc-1')).toEqual([]);
  });

  test('nor when it has joined again beside a Node that it had made before', async () => {
    await kubernetes.create(nodes, { metadata: { name: 'removed' } });
    await register('removed', ['10.77.0.66']);
    await register('idc-1', own.slice(1));
    await kubernetes.patch(nodes, 'removed', said);
    for (const host of own) expect(await ownerOf(host), host).toBe('idc-1');
    expect(await contested('idc-1')).toEqual([]);
  });

  test('nor by what it writes into the pods that it had', async () => {
    const pod = { metadata: { name: 'old', namespace: 'web' }, spec: { nodeName: 'removed' } };
    await kubernetes.create(pods, pod);
    await register('idc-1', ['10.77.0.11']);
    const status = { podIP: '10.77.0.11', phase: 'Running' };
    await kubernetes.patch(pods, 'old', { status }, { namespace: 'web', subresource: 'status' });
    const claims = await (await bookNow(kubernetes)).current(['10.77.0.11']);
    const [node] = kubernetes.stored(registeredNodes);
    const sinceMs = Date.parse(node?.metadata.creationTimestamp ?? '');
    expect([...claims.holders('10.77.0.11')].map(({ kind }) => kind)).toContain('Pod');
    expect(addressObjection('10.77.0.11', { name: 'idc-1', sinceMs }, claims)).toBeUndefined();
  });
});

describe('a pool whose editor may edit no other', () => {
  test('takes no address from another pool’s node by its range of pods', async () => {
    await register('idc-1', ['10.77.0.11']);
    const network = { mode: 'cilium', cilium: { podCidr: '10.0.0.0/8' } } as const;
    await kubernetes.create(nodePools, pool('hostile', { network }));
    expect(await ownerOf('10.77.0.11')).toBe('idc-1');
    const node = kubernetes.stored(registeredNodes)[0];
    expect(node && (await bookNow(kubernetes)).contested(node)).toEqual([]);
  });

  test('takes no name by the domain of its pods', async () => {
    await register('idc-1.dc.example', ['10.77.0.11']);
    await kubernetes.create(nodePools, pool('hostile', { kubelet: { clusterDomain: 'dc.example' } }));
    expect(await ownerOf('idc-1.dc.example')).toBe('idc-1.dc.example');
    expect(await contested('idc-1.dc.example')).toEqual([]);
  });
});

describe('a Service that is older than the node', () => {
  test.each([
    ['externalIPs', { spec: { externalIPs: ['10.77.0.11'] } }],
    ['loadBalancerIP', { spec: { loadBalancerIP: '10.77.0.11' } }],
    ['the ingress of its balancer', { status: { loadBalancer: { ingress: [{ ip: '10.77.0.11' }] } } }],
    ['externalName', { spec: { externalName: 'idc-1' } }],
  ])('takes nothing from it by what is written later: %s', async (_, written) => {
    await kubernetes.create(services, { metadata: { name: 'old', namespace: 'web' } });
    await register('idc-1', ['10.77.0.11']);
    await kubernetes.patch(services, 'old', written, { namespace: 'web' });
    expect(await ownerOf('10.77.0.11')).toBe('idc-1');
    expect(await ownerOf('idc-1')).toBe('idc-1');
    expect(await contested('idc-1')).toEqual([]);
  });
});

test('endpoints that are older than the node take nothing from it by what is written later', async () => {
  const metadata = { name: 'old-1', namespace: 'web' };
  kubernetes.answer = () => ({ versions: [{ version: 'v1' }] });
  await kubernetes.create(endpointSlices, { metadata });
  await register('idc-1', ['10.77.0.11']);
  const endpoints = [{ addresses: ['10.77.0.11'] }];
  await kubernetes.patch(endpointSlices, 'old-1', { endpoints }, { namespace: 'web' });
  expect(await ownerOf('10.77.0.11')).toBe('idc-1');
  expect(await contested('idc-1')).toEqual([]);
});

test('of what a kubelet writes into its Node so much is kept', async () => {
  const addresses = Array.from({ length: 20_000 }, (_, index) => ({
    type: 'ExternalIP',
    address: `fd00:${index.toString(16)}::1`,
  }));
  const long = { type: 'Hostname', address: 'x'.repeat(100_000) };
  await kubernetes.create(nodes, {
    metadata: { name: 'cloud-1' },
    status: { addresses: [long, ...addresses] },
  });
  const { known } = await bookNow(kubernetes);
  const held = addresses.filter(({ address }) => [...known.holders(address)].length > 0);
  expect(held.length).toBeGreaterThan(0);
  expect(held.length).toBeLessThanOrEqual(64);
});
