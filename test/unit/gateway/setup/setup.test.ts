// Preparing a cluster, and telling one that is not prepared from one whose API server is just starting.
import { describe, expect, test } from 'vitest';
import {
  clusterRoleBindings,
  clusterRoles,
  customResourceDefinitions,
  daemonSets,
  type KubernetesObject,
  roleBindings,
  roles,
  secrets,
} from '../../../../gateway/kubernetes/kinds.ts';
import { KubernetesFailure } from '../../../../gateway/kubernetes/kubernetes.ts';
import type { Rule } from '../../../../gateway/kubernetes/rbac.ts';
import { nodePools } from '../../../../gateway/resources/node-pool.ts';
import { registeredNodes } from '../../../../gateway/resources/registered-node.ts';
import { assertSetUp, setUpCluster } from '../../../../gateway/setup/setup.ts';
import { type MemoryKubernetes, memoryKubernetes } from '../memory-kubernetes.ts';
import { pool } from '../pool.ts';

function cluster() {
  const kubernetes = memoryKubernetes();
  const { apply } = kubernetes;
  // The API server establishes a CRD a moment after it was applied.
  kubernetes.apply = async (kind, object) => {
    const applied = await apply(kind, object);
    if (kind.plural !== customResourceDefinitions.plural) return applied;
    const status = { conditions: [{ type: 'Established', status: 'True' }] };
    return kubernetes.patch(kind, object.metadata.name, { status });
  };
  return kubernetes;
}

test('applied twice is the same as once', async () => {
  const kubernetes = cluster();
  const lines: string[] = [];
  await setUpCluster(kubernetes, (line) => lines.push(line));
  const before = JSON.stringify([
    kubernetes.stored(clusterRoles),
    kubernetes.stored(customResourceDefinitions),
  ]);
  await setUpCluster(kubernetes, () => {});
  expect(
    JSON.stringify([kubernetes.stored(clusterRoles), kubernetes.stored(customResourceDefinitions)]),
  ).toBe(before);
  expect(lines).toContain('CustomResourceDefinition registerednodes.regnode.io');
});

test('the gateway may do nothing to all of the secrets, and nothing by a wildcard', async () => {
  const kubernetes = cluster();
  await setUpCluster(kubernetes, () => {});
  type Rules = { rules?: { resources: string[]; verbs: string[]; apiGroups: string[] }[] };
  const clusterWide = kubernetes.stored(clusterRoles) as Rules[];
  const inNamespaces = kubernetes.stored(roles) as (Rules & { metadata: { namespace?: string } })[];
  const rules = [...clusterWide, ...inNamespaces].flatMap((role) => role.rules ?? []);
  expect(
    rules.flatMap(({ resources, verbs, apiGroups }) => [...resources, ...verbs, ...apiGroups]),
  ).not.toContain('*');
  expect(clusterWide.flatMap((role) => role.rules ?? []).flatMap(({ resources }) => resources)).not.toContain(
    'secrets',
  );
  const kubeSystem = inNamespaces.find(({ metadata }) => metadata.namespace === 'kube-system');
  expect(kubeSystem?.rules).toMatchObject([
    { resources: ['secrets'], verbs: ['create'] },
    { resources: ['daemonsets'], resourceNames: ['cilium'], verbs: ['get'] },
  ]);
});

test('of secrets that are not its own the gateway has no verb that is answered with one', async () => {
  const kubernetes = cluster();
  await setUpCluster(kubernetes, () => {}, { cilium: true });
  type Role = { metadata: { name: string; namespace?: string }; rules?: Rule[] };
  const all = [...kubernetes.stored(clusterRoles), ...kubernetes.stored(roles)] as Role[];
  const own = ['regnode-system', 'regnode-tokens'];
  const verbs = all
    .filter(
      ({ metadata: { name, namespace = '' } }) => name === 'regnode-gateway' && !own.includes(namespace),
    )
    .flatMap(({ rules = [] }) => rules)
    .filter(({ resources }) => resources.some((resource) => resource.startsWith('secrets')))
    .flatMap((rule) => rule.verbs);
  // What is created is answered with what was sent; of a name that is taken nothing is shown.
  expect(verbs).toEqual(['create']);
});

/** Roles that may start pods, in any way. */
function startingPods(kubernetes: MemoryKubernetes): string[] {
  const workloads = ['pods', 'replicationcontrollers', 'daemonsets', 'deployments', 'replicasets'];
  const starters = new Set([...workloads, 'statefulsets', 'jobs', 'cronjobs']);
  type Role = { metadata: { name: string; namespace?: string }; rules?: Rule[] };
  const all = [...kubernetes.stored(clusterRoles), ...kubernetes.stored(roles)] as Role[];
  const starting = all.filter(({ rules = [] }) =>
    rules.some(
      ({ resources, verbs }) =>
        resources.some((resource) => starters.has(resource)) &&
        verbs.some((verb) => ['create', 'update', 'patch'].includes(verb)),
    ),
  );
  return starting.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
}

describe('the right to start Cilium’s pods, which is root on every node', () => {
  const inItsNamespace = ['regnode-cilium/regnode-gateway'];
  const external = { network: { mode: 'external' } } as const;
  const setUp = async (kubernetes: MemoryKubernetes, cilium?: boolean) => {
    await setUpCluster(kubernetes, () => {}, cilium === undefined ? {} : { cilium });
    return startingPods(kubernetes);
  };

  test('is not there where nobody asked for it, nor pods anywhere else where somebody did', async () => {
    const kubernetes = cluster();
    expect(await setUp(kubernetes)).toEqual([]);
    expect(await setUp(kubernetes, true)).toEqual(inItsNamespace);
    expect(await setUp(kubernetes), 'no pool yet: as it is').toEqual(inItsNamespace);
    expect(await setUp(kubernetes, false)).toEqual([]);
    expect(kubernetes.stored(roleBindings).map(({ metadata }) => metadata.namespace)).not.toContain(
      'regnode-cilium',
    );
  });

  test('is as the pools ask: one that does not say wants Cilium', async () => {
    const kubernetes = cluster();
    await kubernetes.create(nodePools, pool('own', external));
    expect(await setUp(kubernetes)).toEqual([]);
    await kubernetes.create(nodePools, { metadata: { name: 'idc' }, spec: { kubernetesVersion: 'v1.32.3' } });
    expect(await setUp(kubernetes)).toEqual(inItsNamespace);
  });

  test('goes once the last pool that asked is another and the gateway has taken Cilium away', async () => {
    const kubernetes = cluster();
    await setUp(kubernetes, true);
    await kubernetes.create(nodePools, pool('own', external));
    const labels = { 'app.kubernetes.io/managed-by': 'regnode', 'app.kubernetes.io/part-of': 'cilium' };
    const place = { namespace: 'regnode-cilium' };
    await kubernetes.create(daemonSets, { metadata: { name: 'cilium-old', labels, ...place } });
    expect(await setUp(kubernetes)).toEqual(inItsNamespace);
    await kubernetes.remove(daemonSets, 'cilium-old', place);
    expect(await setUp(kubernetes)).toEqual([]);
  });
});

test('roles for people: each says what it amounts to, none is aggregated or bound, and no list of secrets holds the key of the CA', async () => {
  const kubernetes = cluster();
  await setUpCluster(kubernetes, () => {});
  const people = [...kubernetes.stored(clusterRoles), ...kubernetes.stored(roles)].filter(({ metadata }) =>
    /^regnode-(viewer|operator|admin)$/.test(metadata.name),
  ) as (KubernetesObject & { rules: { resources: string[]; verbs: string[] }[] })[];
  expect(people).toHaveLength(6);
  for (const { metadata, rules } of people) {
    expect(metadata.annotations?.['regnode.io/amounts-to']).toMatch(/\.$/);
    expect(Object.keys(metadata.labels ?? {}).filter((key) => key.includes('aggregate'))).toEqual([]);
    const readsSecrets = rules.some(({ resources }) => resources.includes('secrets'));
    expect(readsSecrets).toBe(metadata.namespace === 'regnode-tokens');
    // Which serials are good, which bootstrap token is a node's, whose the Node is: the gateway's own to say.
    expect(rules.flatMap(({ resources }) => resources)).not.toContain('registerednodes/status');
  }
  const bound = [...kubernetes.stored(clusterRoleBindings), ...kubernetes.stored(roleBindings)];
  expect(
    bound.filter((binding) =>
      people.some(
        ({ metadata }) => (binding as { roleRef?: { name: string } }).roleRef?.name === metadata.name,
      ),
    ),
  ).toEqual([]);
});

test('a cluster that knows no pools yet is set up: its API server says 404 and no reason', async () => {
  const kubernetes = cluster();
  kubernetes.before = (verb, plural) => {
    if (verb !== 'list' || plural !== 'nodepools') return;
    throw new KubernetesFailure({ status: 404, reason: '', message: '404 page not found', request: '' });
  };
  const lines: string[] = [];
  await setUpCluster(kubernetes, (line) => lines.push(line));
  expect(lines).toContain('CustomResourceDefinition nodepools.regnode.io');
});

const notFound = new KubernetesFailure({ status: 404, reason: 'NotFound', message: '', request: '' });

test('an API server that is starting knows no CRDs for a moment', async () => {
  let asked = 0;
  await assertSetUp(async () => {
    asked += 1;
    if (asked === 1) throw notFound;
  });
  expect(asked).toBe(2);
});

test('a cluster that is not prepared is said so', async () => {
  const probe = () => Promise.reject(notFound);
  await expect(assertSetUp(probe, { graceMs: -1 })).rejects.toMatchObject({
    code: 'NOT_SET_UP',
    values: { missing: 'nodepools.regnode.io' },
  });
});

test('any other refusal is passed on', async () => {
  const forbidden = new KubernetesFailure({ status: 403, reason: 'Forbidden', message: '', request: '' });
  await expect(assertSetUp(() => Promise.reject(forbidden))).rejects.toBe(forbidden);
});

test('a CA that hosts trust is not made anew, but for an operator who says so', async () => {
  const kubernetes = cluster();
  const spec = { pool: 'idc', machineId: '', keySha256: '', addresses: [] };
  const node = await kubernetes.create(registeredNodes, { metadata: { name: 'idc-1' }, spec });
  const status = { joinedAt: '2026-01-01T00:00:00Z' };
  await kubernetes.replace(registeredNodes, { ...node, status }, 'status');
  const lines: string[] = [];
  const refused = setUpCluster(kubernetes, (line) => lines.push(line));
  await expect(refused).rejects.toMatchObject({ code: 'AUTHORITY_LOST', values: { names: 'idc-1' } });
  // All else is there, so the lost one can be put back.
  expect(lines).toContain('CustomResourceDefinition registerednodes.regnode.io');
  expect(kubernetes.stored(secrets)).toEqual([]);
  await setUpCluster(kubernetes, () => {}, { newAuthority: true });
  expect(kubernetes.stored(secrets)).toHaveLength(1);
  await setUpCluster(kubernetes, () => {});
});
