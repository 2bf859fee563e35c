// What the components want for each pair of versions and host: flags that vanished, fields that a version does not
// know, cgroup drivers that have to agree. The whole files stand in golden/, so that a change of one is seen.
import { describe, expect, test } from 'vitest';
import type { NodeFacts, NodeWish } from '../../../../agent/components/component.ts';
import { containerdConfiguration } from '../../../../agent/components/containerd/configuration.ts';
import { planComponents } from '../../../../agent/components/index.ts';
import {
  accessKubeconfig,
  bootstrapKubeconfig,
  kubeletConfiguration,
  kubeletFlags,
} from '../../../../agent/components/kubelet/configuration.ts';
import { toYaml } from '../../../../agent/components/kubelet/yaml.ts';
import { withParents } from '../../../../agent/components/parents.ts';
import type { Resource } from '../../../../agent/plan/resource.ts';
import type { ApiServerAccess, DesiredState } from '../../../../protocol/desired.ts';
import { defaultThresholds } from '../../../../protocol/line/thresholds.ts';

const v1: NodeFacts = {
  cgroupVersion: 1,
  cgroupDriver: 'systemd',
  cgroupDriverReason: 'cgroup v1: systemd manages the tree',
  canLowerOomScore: true,
  resolvConf: '/etc/resolv.conf',
  modulesToLoad: ['overlay'],
  trees: new Map(),
  agentUnit: undefined,
};
const v2: NodeFacts = { ...v1, cgroupVersion: 2, cgroupDriverReason: 'cgroup v2: systemd manages the tree' };
const container: NodeFacts = {
  ...v1,
  cgroupDriver: 'cgroupfs',
  cgroupDriverReason: 'cgroup v1 in a container',
  canLowerOomScore: false,
};
const desired: DesiredState = {
  revision: '1',
  pool: 'idc',
  kubernetesVersion: '1.28.0',
  network: { mode: 'external' },
  apiServerAccess: 'direct',
  labels: {},
  taints: [{ key: 'site', value: 'idc', effect: 'NoSchedule' }],
  kubelet: { clusterDns: ['10.96.0.10'], clusterDomain: 'cluster.local', maxPods: 110 },
  containerd: { sandboxImage: 'example.test/pause:3.9' },
  telemetry: { heartbeatIntervalMs: 10_000, metricsIntervalMs: 10_000 },
  manifest: { serial: 1, sha256: '0'.repeat(64) },
  line: defaultThresholds,
  artifacts: (['containerd', 'runc', 'kubelet', 'cni-plugins'] as const).map((component, index) => ({
    component,
    version: '1.28.0',
    architecture: 'amd64',
    path: `/artifacts/${component}.tar.gz`,
    sizeBytes: 1,
    sha256: String(index).repeat(64),
  })),
};
const wish: NodeWish = {
  desired,
  identity: {
    gatewayUrl: 'https://10.77.0.1',
    nodeName: 'idc-1',
    pool: 'idc',
    address: '10.77.0.11',
    bootstrap: { apiServerUrl: 'https://10.77.0.1:6443', caPem: 'CA\n', token: 'abcdef.0123456789abcdef' },
  },
};

const kubelets = ['1.18.20', '1.20.2', '1.24.17', '1.28.15', '1.32.3', '1.35.1'];

describe.each(kubelets)('kubelet %s', (version) => {
  test.each([
    ['cgroup v1', v1],
    ['cgroup v2', v2],
  ])('with %s', async (name, facts) => {
    const flags = kubeletFlags(desired, wish.identity, version).join('\n');
    const text = `${flags}\n---\n${toYaml(kubeletConfiguration(facts, desired, version))}`;
    const file = `./golden/kubelet-${version}-${name.replaceAll(' ', '-')}.txt`;
    await expect(text).toMatchFileSnapshot(file);
  });

  test('is told of its runtime and its taints in exactly one place', () => {
    const flags = kubeletFlags(desired, wish.identity, version).join(' ');
    const file = toYaml(kubeletConfiguration(v1, desired, version));
    expect(flags.includes('--container-runtime-endpoint')).toBe(!file.includes('containerRuntimeEndpoint'));
    expect(flags.includes('--register-with-taints')).toBe(!file.includes('registerWithTaints'));
  });
});

test('only a kubelet that refuses cgroup v1 by default is told to accept it, and only there', () => {
  const has = (facts: NodeFacts, version: string) =>
    'failCgroupV1' in kubeletConfiguration(facts, desired, version);
  expect(has(v1, '1.34.9')).toBe(false);
  expect(has(v1, '1.35.0')).toBe(true);
  expect(has(v1, 'v1.36.2')).toBe(true);
  expect(has(v2, '1.36.2')).toBe(false);
});

describe.each(['1.6.9', '1.7.28', '2.1.9'])('containerd %s', (version) => {
  test.each([
    ['host', v1],
    ['container', container],
  ])('on a %s', async (name, facts) => {
    const settings = { version, sandboxImage: 'example.test/pause:3.9', runcPath: '/opt/runc' };
    const file = `./golden/containerd-${version}-${name}.toml`;
    await expect(containerdConfiguration(facts, settings)).toMatchFileSnapshot(file);
  });
});

const throughTunnel: NodeWish = { ...wish, desired: { ...desired, apiServerAccess: 'tunnel' } };

describe('the way to the API server', () => {
  const clusterOf = (apiServerUrl: string, access: ApiServerAccess) => {
    const identity = { ...wish.identity, bootstrap: { ...wish.identity.bootstrap, apiServerUrl } };
    const configs = [bootstrapKubeconfig(identity, access), accessKubeconfig(identity, access)] as {
      clusters: { cluster: object }[];
    }[];
    expect(configs[0]?.clusters).toEqual(configs[1]?.clusters);
    return configs[0]?.clusters[0]?.cluster;
  };

  test('is the address of the API server itself by default', () => {
    expect(clusterOf('https://10.77.0.1:6443', 'direct')).toEqual({
      server: 'https://10.77.0.1:6443',
      'certificate-authority': '/etc/kubernetes/pki/ca.crt',
    });
  });

  test.each([
    ['https://10.77.0.1:6443', '10.77.0.1'],
    ['https://api.example.test', 'api.example.test'],
    ['https://[fd00::1]:6443', 'fd00::1'],
  ])('through the tunnel still wants the certificate of %s', (url, name) => {
    expect(clusterOf(url, 'tunnel')).toMatchObject({
      server: 'https://127.0.0.1:16443',
      'tls-server-name': name,
    });
  });
});

describe('all components together', () => {
  const resources = planComponents(container, wish);
  const contents = resources.flatMap((resource) => (resource.kind === 'file' ? [resource.content] : []));
  const index = (wanted: (resource: Resource) => boolean) => resources.findIndex(wanted);

  test('agree on the cgroup driver', () => {
    expect(contents.some((text) => text.includes('cgroupDriver: cgroupfs'))).toBe(true);
    expect(contents.some((text) => text.includes('SystemdCgroup = false'))).toBe(true);
  });

  test('fetch and unpack everything before anything else, and start the agent last', () => {
    const lastTree = resources.findLastIndex((resource) => resource.kind === 'tree');
    expect(lastTree).toBeLessThan(index((resource) => resource.kind === 'file'));
    expect(resources.at(-1)).toEqual({ kind: 'unit', name: 'regnode.service' });
  });

  test('note pod networks before the first unit runs', () => {
    const note = index((resource) => resource.kind === 'pod-network');
    expect(note).toBeLessThan(index((resource) => resource.kind === 'unit'));
  });

  test('make every folder before what is in it', () => {
    const made = new Set(['/']);
    for (const resource of resources) {
      if (!('path' in resource)) continue;
      const parent = resource.path.slice(0, resource.path.lastIndexOf('/')) || '/';
      expect([...made], resource.path).toContain(parent);
      if (resource.kind === 'directory') made.add(resource.path);
    }
  });

  test('run the agent before a kubelet that reaches its API server through it', () => {
    const units = planComponents(container, throughTunnel).flatMap((resource) =>
      resource.kind === 'unit' ? [resource.name] : [],
    );
    expect(units).toEqual(['containerd.service', 'regnode.service', 'kubelet.service']);
  });

  test('restart the kubelet when its way to the API server changes', () => {
    const stamp = (from: NodeWish) =>
      planComponents(container, from).find(
        ({ kind, ...rest }) => kind === 'unit' && 'name' in rest && rest.name === 'kubelet.service',
      );
    expect(stamp(throughTunnel)).not.toEqual(stamp(wish));
  });

  test('give the bootstrap token to one file, which is a secret and 0600', () => {
    const token = wish.identity.bootstrap.token;
    const holders = resources.filter((resource) => JSON.stringify(resource).includes(token));
    expect(holders).toMatchObject([{ kind: 'file', mode: 0o600, secret: true }]);
  });

  test('change the stamp of a unit when and only when something that it reads changes', () => {
    const stamps = (from: NodeWish) =>
      planComponents(container, from).flatMap((resource) =>
        resource.kind === 'unit' ? [resource.stamp] : [],
      );
    const other = { ...wish, desired: { ...desired, kubelet: { ...desired.kubelet, maxPods: 50 } } };
    const [containerd, kubelet] = stamps(wish);
    expect(stamps(wish)).toEqual(stamps(structuredClone(wish)));
    expect(stamps(other)[0]).toBe(containerd);
    expect(stamps(other)[1]).not.toBe(kubelet);
  });

  test('labels and taints, which the gateway keeps on the Node, restart nothing', () => {
    const taints = [{ key: 'dedicated', value: 'batch', effect: 'NoSchedule' as const }];
    const units = (from: NodeWish) =>
      planComponents(container, from).filter((resource) => resource.kind === 'unit');
    expect(units({ ...wish, desired: { ...desired, labels: { rack: 'r7' }, taints } })).toEqual(units(wish));
  });

  test('a wish without a component says which', () => {
    const without = { ...wish, desired: { ...desired, artifacts: desired.artifacts.slice(1) } };
    expect(() => planComponents(v1, without)).toThrow(
      expect.objectContaining({
        code: 'ARTIFACT_MISSING',
        values: expect.objectContaining({ name: 'containerd' }),
      }),
    );
  });
});

test('a folder that a component calls ours is not called shared before', () => {
  const list = withParents([
    { kind: 'file', path: '/a/b/c', mode: 0o644, content: '' },
    { kind: 'directory', path: '/a/b', mode: 0o700, content: 'ours' },
  ]);
  expect(
    list.filter((resource) => resource.kind === 'directory').map(({ path, content }) => [path, content]),
  ).toEqual([
    ['/a', 'shared'],
    ['/a/b', 'ours'],
  ]);
});

test('yaml that people can read and parsers take as meant', () => {
  const value = {
    plain: 'cluster.local',
    'with space': 'yes',
    number: '10.96.0.10',
    flag: true,
    none: [],
    list: ['a', { key: 'b', deep: [1] }],
    empty: {},
  };
  expect(toYaml(value)).toBe(
    [
      'plain: cluster.local',
      '"with space": "yes"',
      'number: "10.96.0.10"',
      'flag: true',
      'none: []',
      'list:',
      '- a',
      '- key: b',
      '  deep:',
      '  - 1',
      'empty: {}',
      '',
    ].join('\n'),
  );
});
