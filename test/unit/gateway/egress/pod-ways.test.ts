// Which CONNECT leads to a pod of a registered node, and what a kubelet may write without getting what is
// meant for others.
import { beforeEach, describe, expect, test } from 'vitest';
import { PodWays, type PodWaysOptions } from '../../../../gateway/egress/pod-ways.ts';
import { endpointSlices, type Pod, pods, services } from '../../../../gateway/kubernetes/kinds.ts';
import { parseRange } from '../../../../gateway/resources/address.ts';
import { Fault } from '../../../../protocol/catalogue/fault.ts';
import { type MemoryKubernetes, memoryKubernetes } from '../memory-kubernetes.ts';

let kubernetes: MemoryKubernetes;
let connected: Set<string>;
let failures: unknown[];
let nowMs: number;
/** Requests that the API server was sent. */
let asked: number;

beforeEach(() => {
  kubernetes = memoryKubernetes();
  connected = new Set(['idc-1', 'idc-2']);
  failures = [];
  nowMs = 1_000_000;
  asked = 0;
  kubernetes.before = () => {
    asked += 1;
  };
});

const range = parseRange('10.50.0.0/16');

function ways(options: Partial<PodWaysOptions> = {}): PodWays {
  return new PodWays({
    kubernetes,
    isRegistered: (node) => node.startsWith('idc-'),
    isConnected: (node) => connected.has(node),
    ownerOf: (address) => (address === '10.77.0.11' ? 'idc-1' : undefined),
    isCloudNode: (address) => address === '10.0.0.5',
    podRanges: () => (range ? [range] : []),
    serviceAt: async (address) => (address === '10.96.0.9' ? 'web/hook' : undefined),
    onFailure: (error) => failures.push(error),
    now: () => nowMs,
    random: () => 0,
    ...options,
  });
}

const uidOf = async (name: string) => (await kubernetes.get(pods, name, 'web'))?.metadata.uid ?? '?';

async function pod(
  name: string,
  node: string,
  ip: string,
  more: Partial<Pod> & { hostNetwork?: boolean } = {},
) {
  const { hostNetwork = false, ...rest } = more;
  const object = {
    metadata: { name, namespace: 'web', ...rest.metadata },
    spec: { nodeName: node, hostNetwork, containers: [{ ports: [{ containerPort: 8443 }] }] },
    status: { phase: 'Running', podIP: ip, podIPs: [{ ip }] },
  };
  return kubernetes.create(pods, object as Pod);
}

interface Endpoint {
  readonly pod: string;
  readonly node?: string;
  readonly ip: string;
  readonly ready?: boolean;
}

async function service(endpoints: readonly Endpoint[]): Promise<void> {
  const spec = { clusterIP: '10.96.0.9', ports: [{ name: 'https', port: 443, protocol: 'TCP' }] };
  await kubernetes.create(services, { metadata: { name: 'hook', namespace: 'web' }, spec });
  await kubernetes.create(endpointSlices, {
    metadata: { name: 'hook-1', namespace: 'web', labels: { 'kubernetes.io/service-name': 'hook' } },
    ports: [
      { name: 'metrics', port: 9090 },
      { name: 'https', port: 8443, protocol: 'TCP' },
    ],
    endpoints: endpoints.map(({ pod: name, node, ip, ready = true }) => ({
      addresses: [ip],
      ...(node !== undefined && { nodeName: node }),
      conditions: { ready },
      targetRef: { kind: 'Pod', name },
    })),
  });
}

const code = (found: unknown) => (found instanceof Fault ? found.code : found);

describe("a Service's address", () => {
  const at = { host: '10.96.0.9', port: 443 };

  test('leads to its pod on a registered node, at the port behind it', async () => {
    await pod('hook', 'idc-1', '10.50.1.7');
    await service([{ pod: 'hook', node: 'idc-1', ip: '10.50.1.7' }]);
    const target = { uid: await uidOf('hook'), address: '10.50.1.7', port: 8443 };
    expect(await ways().find(at)).toEqual({ node: 'idc-1', pod: target });
    expect(await ways().find({ ...at, port: 444 }), 'it has no such port').toBeUndefined();
  });

  test('stays as it is when all its pods are in the cloud', async () => {
    await service([{ pod: 'hook', node: 'cloud-1', ip: '10.60.1.7' }]);
    expect(await ways().find(at)).toBeUndefined();
  });

  test('is a pod of the cloud instead where another one is on a node that is away', async () => {
    await pod('away', 'idc-1', '10.50.1.7');
    connected.clear();
    await service([
      { pod: 'away', node: 'idc-1', ip: '10.50.1.7' },
      { pod: 'near', node: 'cloud-1', ip: '10.60.1.7' },
    ]);
    expect(await ways().find(at)).toEqual({ instead: { host: '10.60.1.7', port: 8443 } });
  });

  test('says which node is away when there is no other pod', async () => {
    connected.clear();
    await service([{ pod: 'away', node: 'idc-1', ip: '10.50.1.7' }]);
    expect(code(await ways().find(at))).toBe('TUNNEL_NODE_NOT_CONNECTED');
  });

  test('never leads to a pod that is not ready', async () => {
    await pod('starting', 'idc-1', '10.50.1.7');
    await service([{ pod: 'starting', node: 'idc-1', ip: '10.50.1.7', ready: false }]);
    expect(await ways().find(at)).toBeUndefined();
  });

  test.each<[string, Partial<Pod>]>([
    [
      'has the annotation of one',
      { metadata: { name: 'hook', annotations: { 'kubernetes.io/config.mirror': 'x' } } },
    ],
    [
      'is owned by its Node',
      { metadata: { name: 'hook', ownerReferences: [{ kind: 'Node', name: 'idc-1' }] } },
    ],
  ])('never leads to a mirror pod that its kubelet made: it %s', async (_, more) => {
    await pod('hook', 'idc-1', '10.50.1.7', {
      metadata: { namespace: 'web', ...more.metadata, name: 'hook' },
    });
    await service([{ pod: 'hook', node: 'idc-1', ip: '10.50.1.7' }]);
    expect(code(await ways().find(at))).toBe('TUNNEL_TARGET_FORBIDDEN');
  });

  test('never leads to a node where the scheduler did not put the pod', async () => {
    await pod('hook', 'idc-2', '10.50.1.7');
    await service([{ pod: 'hook', node: 'idc-1', ip: '10.50.1.7' }]);
    expect(code(await ways().find(at))).toBe('TUNNEL_TARGET_FORBIDDEN');
  });
});

describe("a pod's own address", () => {
  const at = { host: '10.50.1.7', port: 8080 };

  test('leads to the pod, at any port of it', async () => {
    await pod('web', 'idc-1', '10.50.1.7');
    const target = { uid: await uidOf('web'), address: '10.50.1.7', port: 8080 };
    expect(await ways().find(at)).toEqual({ node: 'idc-1', pod: target });
  });

  test('is dialled directly when a pod of the cloud has it, whatever else says that it is its own', async () => {
    await pod('cloud', 'cloud-1', '10.50.1.7');
    await pod('claims', 'idc-1', '10.50.1.7');
    expect(await ways().find(at)).toBeUndefined();
  });

  test("is nobody's when two registered nodes say that it is theirs", async () => {
    await pod('one', 'idc-1', '10.50.1.7');
    await pod('two', 'idc-2', '10.50.1.7');
    expect(code(await ways().find(at))).toBe('TUNNEL_TARGET_FORBIDDEN');
  });

  test('outside of the ranges that the pool declares takes nothing from whoever has it', async () => {
    const at = { host: '192.0.2.9', port: 443 };
    expect(await ways().find(at), 'no pod has it').toBeUndefined();
    await pod('claims', 'idc-1', '192.0.2.9');
    expect(await ways().find(at)).toEqual({ instead: at, otherwise: expect.any(Fault) });
    await pod('claims-too', 'idc-2', '192.0.2.9');
    expect(await ways().find(at)).toEqual({ instead: at, otherwise: expect.any(Fault) });
  });

  test('is that of the node whose pool declares it, whatever a node of another pool says', async () => {
    await pod('web', 'idc-1', '10.50.1.7');
    await pod('claims', 'idc-2', '10.50.1.7');
    await pod('host', 'idc-3', '10.50.1.7', { hostNetwork: true });
    const podRanges = (node: string) => (node !== 'idc-2' && range ? [range] : []);
    expect(await ways({ podRanges }).find(at)).toMatchObject({ node: 'idc-1' });
  });

  test.each(['Succeeded', 'Failed'])('does not lead to one that is over: %s', async (phase) => {
    const over = await pod('over', 'idc-1', '10.50.1.7');
    await kubernetes.replace(pods, { ...over, status: { ...over.status, phase } });
    expect(await ways().find(at)).toBeUndefined();
  });

  test("is its node's own with the network of the host: at the ports that a pod declares", async () => {
    await pod('ingress', 'idc-1', '10.77.0.11', { hostNetwork: true });
    const target = { uid: await uidOf('ingress'), address: '10.77.0.11', port: 8443 };
    expect(await ways().find({ host: '10.77.0.11', port: 8443 })).toEqual({ node: 'idc-1', pod: target });
    expect(await ways().find({ host: '10.77.0.11', port: 22 })).toBeUndefined();
  });

  test('of a host leads to no pod of another node, and what that says takes nothing from the owner', async () => {
    const at = { host: '10.77.0.11', port: 8443 };
    await pod('claims', 'idc-2', '10.77.0.11', { hostNetwork: true });
    expect(await ways().find(at)).toBeUndefined();
    await pod('ingress', 'idc-1', '10.77.0.11', { hostNetwork: true });
    expect(await ways().find(at)).toMatchObject({ node: 'idc-1', pod: { uid: await uidOf('ingress') } });
  });
});

test('what a removed host writes into its Node takes no Service away', async () => {
  await pod('hook', 'idc-1', '10.50.1.7');
  await service([{ pod: 'hook', node: 'idc-1', ip: '10.50.1.7' }]);
  const claimed = ways({ isCloudNode: () => true });
  expect(await claimed.find({ host: '10.96.0.9', port: 443 })).toMatchObject({ node: 'idc-1' });
});

test('a kubelet that makes a hundred pods for a Service has one turn, as others', async () => {
  await pod('hook', 'idc-1', '10.50.1.7');
  const made = Array.from({ length: 100 }, (_, n) => ({
    pod: `made-${n}`,
    node: 'idc-2',
    ip: `10.50.2.${n}`,
  }));
  for (const { pod: name, node, ip } of made)
    await pod(name, node, ip, { metadata: { name, annotations: { 'kubernetes.io/config.mirror': 'x' } } });
  await service([...made, { pod: 'hook', node: 'idc-1', ip: '10.50.1.7' }]);
  const at = { host: '10.96.0.9', port: 443 };
  expect(await ways({ random: Math.random }).find(at)).toMatchObject({ node: 'idc-1' });
});

test('a pod that a removed host made for a Service is taken when there is no other', async () => {
  await pod('hook', 'idc-1', '10.50.1.7');
  const mirror = { annotations: { 'kubernetes.io/config.mirror': 'x' } };
  await pod('made', 'gone-1', '192.0.2.9', { metadata: { name: 'made', ...mirror } });
  const made = { pod: 'made', node: 'gone-1', ip: '192.0.2.9' };
  await service([made, { pod: 'hook', node: 'idc-1', ip: '10.50.1.7' }]);
  const at = { host: '10.96.0.9', port: 443 };
  expect(await ways().find(at)).toMatchObject({ node: 'idc-1' });
  connected.clear();
  expect(await ways().find(at)).toEqual({ instead: { host: '192.0.2.9', port: 8443 } });
});

test('for the kubelet of a node of the cloud, or a name, nothing is asked', async () => {
  expect(await ways().find({ host: '10.0.0.5', port: 10_250 })).toBeUndefined();
  expect(await ways().find({ host: 'hook.example.com', port: 443 })).toBeUndefined();
  expect(asked).toBe(0);
});

test('what was found is asked for again after two seconds, and many who ask share it', async () => {
  await pod('web', 'idc-1', '10.50.1.7');
  asked = 0;
  const one = ways();
  const at = { host: '10.50.1.7', port: 80 };
  await Promise.all(Array.from({ length: 50 }, () => one.find(at)));
  expect(asked).toBe(1);
  nowMs += 2_000;
  await one.find(at);
  expect(asked).toBe(2);
});

test('an API server that fails leaves the direct way', async () => {
  kubernetes.before = () => {
    throw new Error('away');
  };
  expect(await ways().find({ host: '10.50.1.7', port: 80 })).toBeUndefined();
  expect(failures).toHaveLength(1);
});
