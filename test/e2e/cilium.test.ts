// Cilium as the gateway brings it. That a real API server takes every object, that drift is set right and that the last pool takes
// all of it along is always tried; that packets flow needs the images of a real Cilium, which REGNODE_CILIUM_IMAGES names (a
// docker-archive tar with agent and operator).
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPool, kubectl, poolName, regnodectl } from '../../scripts/sandbox/registration.ts';
import { type Sandbox, startSandbox } from '../../scripts/sandbox/sandbox.ts';
import { waitFor } from '../../scripts/sandbox/wait.ts';

const namespace = 'regnode-cilium';

describe('a real API server', () => {
  let sandbox: Sandbox;

  beforeAll(async () => {
    sandbox = await startSandbox({ name: 'e2e-cilium' });
    await sandbox.cloud.setUpGateway();
    await sandbox.cloud.buildArtifactStore();
    await sandbox.cloud.startGateway();
    await createPool(sandbox, 'tunnel', ['--network', 'cilium', '--api-server-access', 'tunnel']);
    await createPool(sandbox, poolName, ['--network', 'cilium', '--cilium-version', '1.17.9']);
    await createPool(sandbox, 'own');
  });
  afterAll(() => sandbox?.stop());

  const names = async () => {
    const own = ['-l', 'app.kubernetes.io/part-of=cilium', '-o', 'name'];
    const found = await kubectl(sandbox, [
      '-n',
      namespace,
      'get',
      'daemonsets,deployments,configmaps',
      ...own,
    ]);
    return found.trim().split('\n').filter(Boolean).sort();
  };
  const untilNames = (wanted: readonly string[]) =>
    waitFor(`exactly ${wanted.join(', ')}`, async () => `${await names()}` === `${wanted}`, {
      timeoutMs: 90_000,
    });
  const field = (kind: string, name: string, path: string) =>
    kubectl(sandbox, ['-n', namespace, 'get', kind, name, '-o', `jsonpath=${path}`]);

  const withBoth = [
    'configmap/cilium-config-idc',
    'configmap/cilium-config-tunnel',
    'configmap/cilium-kubeconfig-direct',
    'configmap/cilium-kubeconfig-tunnel',
    'daemonset.apps/cilium-idc',
    'daemonset.apps/cilium-tunnel',
    'deployment.apps/cilium-operator',
  ];

  test('takes what two pools want, and nothing for one that brings its own network', async () => {
    await untilNames(withBoth);
    expect(await field('daemonset', 'cilium-idc', '{.spec.template.spec.containers[0].image}')).toBe(
      'quay.io/cilium/cilium:v1.17.9',
    );
    const server = (access: string) =>
      field('configmap', `cilium-kubeconfig-${access}`, '{.data.kubeconfig}');
    expect(JSON.parse(await server('tunnel'))).toMatchObject({
      clusters: [{ cluster: { server: 'https://127.0.0.1:16443' } }],
    });
    expect(JSON.parse(await server('direct'))).toMatchObject({
      clusters: [{ cluster: { server: sandbox.cloud.apiServerUrl } }],
    });
  });

  test('defaults that it adds are no drift: nothing is written again', async () => {
    const generation = () => field('daemonset', 'cilium-idc', '{.metadata.resourceVersion}');
    const before = await generation();
    // A change of any pool makes a round of its own.
    await regnodectl(sandbox, ['pool', 'set', 'tunnel', '--cilium-mtu', '1400']);
    await waitFor(
      'the round',
      async () => (await field('configmap', 'cilium-config-tunnel', '{.data.mtu}')) === '1400',
      {
        timeoutMs: 60_000,
      },
    );
    expect(await generation()).toBe(before);
  });

  test('what somebody changes or deletes comes back', async () => {
    const patch = ['-p', '{"data":{"routing-mode":"native"}}', '--type=merge'];
    await kubectl(sandbox, ['-n', namespace, 'patch', 'configmap', 'cilium-config-idc', ...patch]);
    await kubectl(sandbox, ['-n', namespace, 'delete', 'daemonset', 'cilium-idc']);
    await untilNames(withBoth);
    await waitFor(
      'the configuration',
      async () => (await field('configmap', 'cilium-config-idc', '{.data.routing-mode}')) === 'tunnel',
      { timeoutMs: 90_000 },
    );
  });

  test('a pool that wants another range of addresses is told by an event', async () => {
    await createPool(sandbox, 'other', ['--network', 'cilium', '--pod-cidr', '10.99.0.0/16']);
    await waitFor(
      'the event',
      async () => (await kubectl(sandbox, ['get', 'events', '-o', 'json'])).includes('CiliumRangeDiffers'),
      { timeoutMs: 60_000 },
    );
    await regnodectl(sandbox, ['pool', 'delete', 'other']);
  });

  test('the gateway may do so in that namespace alone, and Cilium what it needs', async () => {
    const may = async (user: string, verb: string, resource: string, more: readonly string[] = []) =>
      (await sandbox.cloud.kubectl(['auth', 'can-i', verb, resource, `--as=${user}`, ...more])).stdout.trim();
    const inside = ['-n', namespace];
    const account = (name: string) => `system:serviceaccount:${namespace}:${name}`;
    expect(await may('regnode-gateway', 'create', 'daemonsets', inside)).toBe('yes');
    expect(await may('regnode-gateway', 'create', 'daemonsets', ['-n', 'kube-system'])).toBe('no');
    expect(await may('regnode-gateway', 'create', 'pods', inside)).toBe('no');
    expect(await may(account('cilium'), 'watch', 'nodes')).toBe('yes');
    expect(await may(account('cilium'), 'get', 'secrets', ['-n', 'kube-system'])).toBe('no');
    expect(await may(account('cilium-operator'), 'create', 'customresourcedefinitions')).toBe('yes');
    expect(await may(account('cilium-operator'), 'update', 'leases', inside)).toBe('yes');
    expect(await may(account('cilium-operator'), 'get', 'secrets')).toBe('no');
  });

  test('beside a Cilium that the cluster has already there is none of ours, and the pool is told', async () => {
    const foreign = {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { name: 'cilium', namespace: 'kube-system' },
      spec: {
        selector: { matchLabels: { a: 'b' } },
        template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'a', image: 'b' }] } },
      },
    };
    await kubectl(sandbox, ['apply', '-f', '-'], JSON.stringify(foreign));
    await regnodectl(sandbox, ['pool', 'set', poolName, '--cilium-mtu', '1300']);
    await waitFor(
      'the event',
      async () => (await kubectl(sandbox, ['get', 'events', '-o', 'json'])).includes('CiliumOfTheCluster'),
      { timeoutMs: 60_000 },
    );
    expect(await field('configmap', 'cilium-config-idc', '{.data.mtu}')).toBe('');
    await kubectl(sandbox, ['-n', 'kube-system', 'delete', 'daemonset', 'cilium']);
  });

  test('the last pool that wanted it takes all of it along', async () => {
    await regnodectl(sandbox, ['pool', 'delete', 'tunnel']);
    await untilNames(withBoth.filter((name) => !name.includes('tunnel')));
    await regnodectl(sandbox, ['pool', 'set', poolName, '--network', 'external']);
    await untilNames([]);
  });
});
