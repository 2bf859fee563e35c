// The cluster's Cilium: what the pools make of it, and how it is kept. That a real API server takes
// the objects is e2e's to show.
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { ciliumConfiguration } from '../../../../gateway/cilium/configuration.ts';
import { desiredCilium } from '../../../../gateway/cilium/desired.ts';
import { ciliumKubeconfig } from '../../../../gateway/cilium/kubeconfig.ts';
import { ciliumObjects } from '../../../../gateway/cilium/objects.ts';
import { CiliumUpkeep } from '../../../../gateway/cilium/upkeep.ts';
import { configMaps, daemonSets, deployments } from '../../../../gateway/kubernetes/kinds.ts';
import { KubernetesFailure } from '../../../../gateway/kubernetes/kubernetes.ts';
import type { PoolObject } from '../../../../gateway/resources/node-pool.ts';
import { memoryKubernetes } from '../memory-kubernetes.ts';

const url = 'https://api.example.test:6443';

function pool(name: string, spec: Partial<PoolObject['spec']> = {}, createdAt = '2026-01-01'): PoolObject {
  return {
    metadata: { name, creationTimestamp: createdAt },
    spec: { kubernetesVersion: 'v1.32.3', network: { mode: 'cilium' }, ...spec },
  };
}
const nobody = () => 0;

describe('what the pools make of it', () => {
  test('no pool of that kind, no Cilium', () => {
    expect(desiredCilium([pool('own', { network: { mode: 'external' } })], nobody)).toBeUndefined();
  });

  test.each([
    ['v1.32.3', {}, '1.17.9'],
    ['v1.20.2', {}, '1.15.15'],
    ['v1.32.3', { version: 'v1.18.3' }, '1.18.3'],
  ])('a pool of Kubernetes %s with %j gets %s', (kubernetesVersion, cilium, version) => {
    const desired = desiredCilium(
      [pool('idc', { kubernetesVersion, network: { mode: 'cilium', cilium } })],
      nobody,
    );
    expect(desired?.pools[0]).toMatchObject({
      version,
      image: `quay.io/cilium/cilium:v${version}`,
      operatorImage: `quay.io/cilium/operator-generic:v${version}`,
    });
  });

  test('one range for the cluster: the oldest pool decides, another is told', () => {
    const other = { mode: 'cilium', cilium: { podCidr: '10.99.0.0/16' } } as const;
    const cilium = desiredCilium([pool('new', { network: other }, '2026-02-02'), pool('old')], nobody);
    expect(cilium).toMatchObject({ podCidr: '10.244.0.0/16', maskSize: 24 });
    expect([...(cilium?.refused.keys() ?? [])]).toEqual(['new']);
    expect(cilium?.refused.get('new')).toContain('10.99.0.0/16');
  });

  test('the operator runs where there are nodes, and where the API server is reached as it thinks', () => {
    const pools = [
      pool('a'),
      pool('b', { apiServerAccess: 'tunnel' }),
      pool('c', { apiServerAccess: 'tunnel' }),
    ];
    const place = (count: (name: string) => number) => desiredCilium(pools, count)?.operator;
    expect(place(nobody)).toMatchObject({ pool: { access: 'direct' }, nodesOf: ['a'] });
    expect(place((name) => (name === 'c' ? 2 : 0))).toMatchObject({
      pool: { access: 'tunnel' },
      nodesOf: ['b', 'c'],
    });
    expect(place(() => 1)).toMatchObject({ pool: { access: 'direct' }, nodesOf: ['a'] });
  });
});

test('the way to the API server asks for its own certificate, also through the tunnel', () => {
  expect(JSON.parse(ciliumKubeconfig(url, 'direct'))).toMatchObject({
    clusters: [{ cluster: { server: url } }],
  });
  expect(JSON.parse(ciliumKubeconfig(url, 'tunnel'))).toMatchObject({
    clusters: [{ cluster: { server: 'https://127.0.0.1:294', 'tls-server-name': 'api.example.test' } }],
  });
});

test('the configuration', () => {
  const cilium = desiredCilium([pool('idc', { network: { mode: 'cilium', cilium: { mtu: 1400 } } })], nobody);
  expect(cilium && ciliumConfiguration(cilium, cilium.pools[0])).toMatchObject({
    'routing-mode': 'tunnel',
    'tunnel-protocol': 'vxlan',
    ipam: 'cluster-pool',
    'cluster-pool-ipv4-cidr': '10.244.0.0/16',
    'kube-proxy-replacement': 'true',
    mtu: '1400',
  });
});

test('pods of the agent go to nodes of their pool and nowhere else', () => {
  const cilium = desiredCilium([pool('a'), pool('b')], nobody);
  const objects = cilium === undefined ? [] : ciliumObjects(cilium, url);
  for (const name of ['a', 'b']) {
    const found = objects.find(({ object }) => object.metadata.name === `cilium-${name}`);
    expect(JSON.stringify(found)).toContain(
      `"matchExpressions":[{"key":"regnode.io/pool","operator":"In","values":["${name}"]}]`,
    );
  }
});

describe('how it is kept', () => {
  function world(pools: PoolObject[]) {
    const kubernetes = memoryKubernetes();
    const told: string[] = [];
    const upkeep = new CiliumUpkeep({
      kubernetes,
      pools: () => pools,
      nodeCount: nobody,
      apiServerUrl: url,
      recordEvent: (_, { name }, { reason }) => told.push(`${name} ${reason}`),
      logger: pino({ level: 'silent' }),
    });
    const names = () =>
      [daemonSets, deployments, configMaps].flatMap((kind) =>
        kubernetes.stored(kind).map(({ metadata }) => metadata.name),
      );
    return { kubernetes, pools, told, upkeep, names };
  }

  test('what pools want is there, what none wants goes, what is not ours stays', async () => {
    const { kubernetes, pools, upkeep, names } = world([pool('a'), pool('b', { apiServerAccess: 'tunnel' })]);
    await kubernetes.create(configMaps, { metadata: { name: 'somebody', namespace: 'regnode-cilium' } });
    await upkeep.round();
    expect(names().sort()).toEqual([
      'cilium-a',
      'cilium-b',
      'cilium-config-a',
      'cilium-config-b',
      'cilium-kubeconfig-direct',
      'cilium-kubeconfig-tunnel',
      'cilium-operator',
      'somebody',
    ]);
    pools.splice(1, 1);
    await upkeep.round();
    expect(names().sort()).toEqual([
      'cilium-a',
      'cilium-config-a',
      'cilium-kubeconfig-direct',
      'cilium-operator',
      'somebody',
    ]);
    pools.splice(0, 1);
    await upkeep.round();
    expect(names()).toEqual(['somebody']);
  });

  test('what was changed by hand is set right', async () => {
    const { kubernetes, upkeep } = world([pool('a')]);
    await upkeep.round();
    const place = { namespace: 'regnode-cilium' };
    await kubernetes.patch(configMaps, 'cilium-config-a', { data: { 'routing-mode': 'native' } }, place);
    await kubernetes.remove(daemonSets, 'cilium-a', place);
    await upkeep.round();
    const map = await kubernetes.get(configMaps, 'cilium-config-a', 'regnode-cilium');
    expect(map?.data?.['routing-mode']).toBe('tunnel');
    expect(await kubernetes.get(daemonSets, 'cilium-a', 'regnode-cilium')).toBeDefined();
  });

  test('a changed configuration rolls the pods, the same one does not', async () => {
    const pools = [pool('a')];
    const { kubernetes, upkeep } = world(pools);
    const template = async () =>
      JSON.stringify(await kubernetes.get(daemonSets, 'cilium-a', 'regnode-cilium')).match(
        /"regnode.io\/configuration":"(\w+)"/,
      )?.[1];
    await upkeep.round();
    const first = await template();
    await upkeep.round();
    expect(await template()).toBe(first);
    pools[0] = pool('a', { network: { mode: 'cilium', cilium: { mtu: 1400 } } });
    await upkeep.round();
    expect(await template()).not.toBe(first);
  });

  test('beside a Cilium that somebody else installed there is none of ours, and the pool is told', async () => {
    const { kubernetes, told, upkeep, names } = world([pool('a')]);
    await kubernetes.create(daemonSets, { metadata: { name: 'cilium', namespace: 'kube-system' } });
    await upkeep.round();
    expect(names()).toEqual(['cilium']);
    expect(told).toEqual(['a CiliumOfTheCluster']);
  });

  test('a cluster that was not set up for it: silent without such a pool, told with one', async () => {
    const { kubernetes, pools, upkeep } = world([pool('a')]);
    kubernetes.before = (_, plural) => {
      throw new KubernetesFailure({ status: 403, reason: 'Forbidden', message: 'no', request: plural });
    };
    await expect(upkeep.round()).rejects.toMatchObject({ reason: 'Forbidden' });
    pools.pop();
    await expect(upkeep.round()).resolves.toBeUndefined();
  });

  test('a pool that asks where setup has not given the right is told how it comes', async () => {
    const kubernetes = memoryKubernetes();
    kubernetes.before = (_, request) => {
      throw new KubernetesFailure({ status: 403, reason: 'Forbidden', message: 'no', request });
    };
    const told = Promise.withResolvers<string>();
    const upkeep = new CiliumUpkeep({
      ...{ kubernetes, pools: () => [pool('a')], nodeCount: nobody, apiServerUrl: url },
      recordEvent: (_, __, { reason, message }) => told.resolve(`${reason}: ${message}`),
      logger: pino({ level: 'silent' }),
    });
    upkeep.changed();
    expect(await told.promise).toMatch(/^CiliumNotApplied: .*run "regnode-gateway setup"/);
    await upkeep.stop();
  });
});
