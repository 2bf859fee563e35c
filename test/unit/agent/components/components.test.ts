// What the components want: settings of the pool, cgroup drivers that have to agree, order, secrets,
// restarts. The whole files for each pair of versions are in golden.test.ts.
import { describe, expect, test } from 'vitest';
import type { DesiredNode, NodeFacts } from '../../../../agent/components/component.ts';
import { registryFiles } from '../../../../agent/components/containerd/registries.ts';
import { planComponents } from '../../../../agent/components/index.ts';
import { kubeletConfiguration } from '../../../../agent/components/kubelet/configuration.ts';
import { accessKubeconfig, bootstrapKubeconfig } from '../../../../agent/components/kubelet/kubeconfig.ts';
import { withParents } from '../../../../agent/components/parents.ts';
import type { Resource } from '../../../../agent/plan/resource.ts';
import { kubeletAddress } from '../../../../agent/tunnel/targets.ts';
import { yaml } from '../../../../protocol/formats/yaml.ts';
import {
  type ApiServerAccess,
  type DesiredState,
  desiredStateSchema,
  type KubeletAccess,
} from '../../../../protocol/messages/desired.ts';
import type { Registry } from '../../../../protocol/settings/host.ts';
import { artifact, container, desired, desiredNode, host } from './desired.ts';

describe('settings of a pool', () => {
  const kubelet = (change: Partial<DesiredState['kubelet']>, facts = host) =>
    kubeletConfiguration(facts, { ...desired, kubelet: { ...desired.kubelet, ...change } }, '1.28.0');

  test.each([
    ['a small host keeps most of itself for pods', { cpuCount: 2, memoryMiB: 1992 }, '70m', '448Mi'],
    ['an ordinary one', { cpuCount: 16, memoryMiB: 64_213 }, '110m', '1465Mi'],
    [
      'a large one reserves by its pods, not by its size',
      { cpuCount: 128, memoryMiB: 515_000 },
      '390m',
      '1465Mi',
    ],
  ])('reserved: %s', (_, size, cpu, memory) => {
    expect(kubelet({}, { ...host, ...size })).toMatchObject({ kubeReserved: { cpu, memory } });
  });

  test('what the pool sets of the reserved resources and of eviction wins, the rest stays', () => {
    expect(
      kubelet({ reserved: { memoryMiB: 4096 }, evictionHard: { 'memory.available': '1Gi' } }),
    ).toMatchObject({
      kubeReserved: { cpu: '110m', memory: '4096Mi', pid: '1000' },
      evictionHard: { 'memory.available': '1Gi', 'nodefs.available': '10%', 'imagefs.available': '15%' },
    });
  });

  test('image garbage collection', () => {
    expect(
      kubelet({ imageGarbageCollection: { highThresholdPercent: 70, lowThresholdPercent: 60 } }),
    ).toMatchObject({ imageGCHighThresholdPercent: 70, imageGCLowThresholdPercent: 60 });
  });

  test('every kernel parameter that a protecting kubelet looks at is set before', () => {
    const set = planComponents(host, desiredNode).flatMap((resource) =>
      resource.kind === 'sysctl' ? [`${resource.name}=${resource.value}`] : [],
    );
    expect(set).toEqual(
      expect.arrayContaining([
        'vm.overcommit_memory=1',
        'vm.panic_on_oom=0',
        'kernel.panic=10',
        'kernel.panic_on_oops=1',
        'kernel.keys.root_maxkeys=1000000',
        'kernel.keys.root_maxbytes=25000000',
      ]),
    );
  });
});

test('containerd 2 has a folder of its own for plugins, which goes with it', () => {
  const folder = { kind: 'directory', path: '/run/nri', mode: 0o755, content: 'ours' };
  const plan = (version: string) => {
    const artifacts = desired.artifacts.map((one) =>
      one.component === 'containerd' ? artifact('containerd', version) : one,
    );
    return planComponents(host, { ...desiredNode, desired: { ...desired, artifacts } });
  };
  expect(plan('2.1.9')).toContainEqual(folder);
  expect(plan('1.7.28')).not.toContainEqual(folder);
});

describe('registries', () => {
  const contents = (registries: Registry[]) =>
    Object.fromEntries(
      registryFiles(registries).flatMap((file) => (file.kind === 'file' ? [[file.path, file.content]] : [])),
    );

  test('mirrors in their order, with the roots of the pool', () => {
    const registry: Registry = {
      host: 'registry.example.test:5000',
      mirrors: ['https://near.example.test', 'http://10.0.0.5:5000'],
      caPem: 'PEM',
    };
    const folder = '/etc/containerd/certs.d/registry.example.test:5000';
    expect(contents([registry])).toEqual({
      [`${folder}/regnode-ca.crt`]: '# Written by regnode; changed by hand it is set back.\nPEM\n',
      [`${folder}/hosts.toml`]: [
        '# Written by regnode; changed by hand it is set back.',
        `ca = "${folder}/regnode-ca.crt"`,
        '',
        '[host."https://near.example.test"]',
        'capabilities = [ "pull", "resolve" ]',
        `ca = "${folder}/regnode-ca.crt"`,
        '',
        '[host."http://10.0.0.5:5000"]',
        'capabilities = [ "pull", "resolve" ]',
        `ca = "${folder}/regnode-ca.crt"`,
        '',
      ].join('\n'),
    });
  });

  test('one mirror for all others', () => {
    expect(Object.keys(contents([{ host: '*', mirrors: ['https://m.example.test'] }]))).toEqual([
      '/etc/containerd/certs.d/_default/hosts.toml',
    ]);
  });

  test('a new mirror restarts nothing', () => {
    const mirrored = { host: 'docker.io', mirrors: ['https://m.example.test'] };
    const other = { ...desired, containerd: { ...desired.containerd, registries: [mirrored] } };
    const units = (from: DesiredNode) => planComponents(host, from).filter(({ kind }) => kind === 'unit');
    expect(units({ ...desiredNode, desired: other })).toEqual(units(desiredNode));
  });
});

describe("Cilium's host side", () => {
  const withCilium: DesiredNode = { ...desiredNode, desired: { ...desired, network: { mode: 'cilium' } } };
  const plan = (change: Partial<NodeFacts> = {}) => planComponents({ ...host, ...change }, withCilium);
  const paths = (resources: readonly Resource[]) =>
    resources.flatMap((resource) => ('path' in resource ? [`${resource.kind} ${resource.path}`] : []));

  test('is nothing for a pool that brings its own network', () => {
    expect(JSON.stringify(planComponents(host, desiredNode))).not.toMatch(/cilium|rp_filter/);
  });

  test('moves other networks away, expects what the DaemonSet writes, notes the data path', () => {
    const resources = plan({ otherNetworks: ['/etc/cni/net.d/10-flannel.conflist'] });
    expect(paths(resources)).toEqual(
      expect.arrayContaining([
        'set-aside /etc/cni/net.d/10-flannel.conflist',
        'claim /opt/cni/bin/cilium-cni',
        'claim /etc/cni/net.d/05-cilium.conflist',
        'file /etc/sysctl.d/99-zz-regnode-cilium.conf',
        'file /etc/systemd/system/run-cilium-cgroupv2.mount',
        'link /etc/systemd/system/multi-user.target.wants/run-cilium-cgroupv2.mount',
      ]),
    );
    expect(resources).toContainEqual({ kind: 'cilium-data-path', cgroupRoot: '/run/cilium/cgroupv2' });
  });

  test('mounts the BPF file system where systemd does not', () => {
    const unit = { kind: 'unit', name: 'regnode-bpffs.service' };
    expect(plan()).not.toContainEqual(unit);
    expect(plan({ bpfIsMounted: false })).toContainEqual(unit);
  });

  test('loads at boot only what this kernel has as modules', () => {
    const file = (modulesToLoad: string[]) =>
      plan({ modulesToLoad }).find(
        (one) => one.kind === 'file' && one.path === '/etc/modules-load.d/regnode-cilium.conf',
      );
    expect(file(['overlay'])).toBeUndefined();
    expect(file(['overlay', 'vxlan', 'cls_bpf'])).toMatchObject({
      content: expect.stringMatching(/^# .*\nvxlan\ncls_bpf\n$/),
    });
  });

  test('is ready before the kubelet runs', () => {
    const units = plan({ bpfIsMounted: false }).flatMap((one) => (one.kind === 'unit' ? [one.name] : []));
    expect(units).toEqual([
      'regnode-bpffs.service',
      'run-cilium-cgroupv2.mount',
      'containerd.service',
      'kubelet.service',
      'regnode.service',
    ]);
  });
});

const throughTunnel: DesiredNode = { ...desiredNode, desired: { ...desired, apiServerAccess: 'tunnel' } };

describe('the way to the API server', () => {
  const clusterOf = (apiServerUrl: string, access: ApiServerAccess) => {
    const identity = {
      ...desiredNode.identity,
      bootstrap: { ...desiredNode.identity.bootstrap, apiServerUrl },
    };
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
      server: 'https://127.0.0.1:294',
      'tls-server-name': name,
    });
  });
});

describe('the way to the kubelet', () => {
  const over = (kubeletAccess: KubeletAccess): DesiredState => ({ ...desired, kubeletAccess });
  const stamp = (kubeletAccess: KubeletAccess) =>
    planComponents(container, { ...desiredNode, desired: over(kubeletAccess) }).flatMap((resource) =>
      resource.kind === 'unit' && resource.name === 'kubelet.service' ? [resource.stamp] : [],
    );

  test.each(['1.18.20', '1.36.0'])(
    'through the tunnel: %s listens where its agent dials it alone',
    (version) => {
      expect(kubeletConfiguration(host, over('tunnel'), version)).toMatchObject({
        address: kubeletAddress.host,
      });
      expect(kubeletAddress.host).toBe('127.0.0.1');
    },
  );

  test('direct: it listens as kubelets do', () => {
    expect(kubeletConfiguration(host, over('direct'), '1.28.0')).not.toHaveProperty('address');
  });

  test('a change of it restarts the kubelet', () => {
    expect(stamp('direct')).toHaveLength(1);
    expect(stamp('direct')).not.toEqual(stamp('tunnel'));
  });
});

describe('all components together', () => {
  const resources = planComponents(container, desiredNode);
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
    const stamp = (from: DesiredNode) =>
      planComponents(container, from).find(
        ({ kind, ...rest }) => kind === 'unit' && 'name' in rest && rest.name === 'kubelet.service',
      );
    expect(stamp(throughTunnel)).not.toEqual(stamp(desiredNode));
  });

  test('give the bootstrap token to one file, which is a secret and 0600', () => {
    const token = desiredNode.identity.bootstrap.token;
    const holders = resources.filter((resource) => JSON.stringify(resource).includes(token));
    expect(holders).toMatchObject([{ kind: 'file', mode: 0o600, secret: true }]);
  });

  test('change the stamp of a unit when and only when something that it reads changes', () => {
    const stamps = (from: DesiredNode) =>
      planComponents(container, from).flatMap((resource) =>
        resource.kind === 'unit' ? [resource.stamp] : [],
      );
    const other = { ...desiredNode, desired: { ...desired, kubelet: { ...desired.kubelet, maxPods: 50 } } };
    const [containerd, kubelet] = stamps(desiredNode);
    expect(stamps(desiredNode)).toEqual(stamps(structuredClone(desiredNode)));
    expect(stamps(other)[0]).toBe(containerd);
    expect(stamps(other)[1]).not.toBe(kubelet);
  });

  test('labels and taints, which the gateway keeps on the Node, restart nothing', () => {
    const taints = [{ key: 'dedicated', value: 'batch', effect: 'NoSchedule' as const }];
    const units = (from: DesiredNode) =>
      planComponents(container, from).filter((resource) => resource.kind === 'unit');
    expect(units({ ...desiredNode, desired: { ...desired, labels: { rack: 'r7' }, taints } })).toEqual(
      units(desiredNode),
    );
  });

  test('a desired state without a component says which', () => {
    const without = { ...desiredNode, desired: { ...desired, artifacts: desired.artifacts.slice(1) } };
    expect(() => planComponents(host, without)).toThrow(
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
  expect(yaml(value)).toBe(
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

test('large images are imported before the kubelet starts, small ones right after', () => {
  const images = (version: string, sizeBytes: number) => ({ ...artifact('images', version), sizeBytes });
  const artifacts = [...desired.artifacts.filter(({ component }) => component !== 'images')];
  const resources = planComponents(host, {
    ...desiredNode,
    desired: { ...desired, artifacts: [...artifacts, images('pause', 2 ** 20), images('cilium', 2 ** 28)] },
  });
  const started = resources.flatMap((resource) => {
    if (resource.kind === 'unit') return resource.name;
    return resource.kind === 'images' ? resource.folder.split('/').slice(-1) : [];
  });
  expect(started).toEqual([
    'containerd.service',
    expect.stringMatching(/^cilium-/),
    'kubelet.service',
    expect.stringMatching(/^pause-/),
    'regnode.service',
  ]);
});

describe('a gateway that is hostile, or older than the schemas', () => {
  const attack = 'pause\nExecStartPre=/bin/sh -c "id >/tmp/owned"';
  const taint = { key: attack, value: 'idc', effect: 'NoSchedule' } as const;
  const older = (change: Partial<DesiredState>): DesiredState => ({
    ...desired,
    ...change,
    // Both stand in the command line of a kubelet before 1.23.
    artifacts: desired.artifacts.map((one) =>
      one.component === 'kubelet' ? artifact('kubelet', '1.20.2') : one,
    ),
  });

  test.each([
    ['the sandbox image', older({ containerd: { sandboxImage: attack } })],
    ['the key of a taint', older({ taints: [taint] })],
    ['the value of a taint', older({ taints: [{ ...taint, key: 'a', value: attack }] })],
    ['the cluster domain', older({ kubelet: { ...desired.kubelet, clusterDomain: attack } })],
  ])('gets no line into a unit or a file by %s: refused when read, and when written', (_, wrong) => {
    expect(desiredStateSchema.safeParse(wrong).success).toBe(false);
    expect(() => planComponents(host, { ...desiredNode, desired: wrong })).toThrow(
      expect.objectContaining({ code: 'NOT_ENCODABLE' }),
    );
  });

  test('gives the kubelet one argument, whatever stands in it', () => {
    const strange = older({ containerd: { sandboxImage: 'a b" ; $HOME %n \\' } });
    const unit = planComponents(host, { ...desiredNode, desired: strange }).find(
      (one) => one.kind === 'file' && one.path.endsWith('/kubelet.service'),
    );
    expect(unit).toMatchObject({
      content: expect.stringContaining(' "--pod-infra-container-image=a b\\" ; $$HOME %%n \\\\" '),
    });
  });
});
