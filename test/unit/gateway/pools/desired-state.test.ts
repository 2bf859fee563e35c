// The desired state of a node: which artifacts, and a revision that changes exactly when the rest does.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { desiredState, isNewer } from '../../../../gateway/pools/desired-state.ts';
import type { HostTraits } from '../../../../protocol/compatibility/host-traits.ts';
import { desiredStateLimitBytes, desiredStateSchema } from '../../../../protocol/messages/desired.ts';
import { type PoolSpecInput, poolSpecSchema } from '../../../../protocol/settings/pool.ts';
import { framePayloadLimitBytes } from '../../../../protocol/tunnel/limits.ts';
import { encodeJson } from '../../../../protocol/tunnel/messages.ts';
import { artifact, offered, store } from '../pool.ts';

const spec = (change: Partial<PoolSpecInput> = {}) =>
  poolSpecSchema.parse({ kubernetesVersion: 'v1.20.2', network: { mode: 'external' }, ...change });
const state = (change: Partial<PoolSpecInput> = {}, node = {}, artifacts = store) =>
  desiredState({ name: 'idc', spec: spec(change) }, node, 'amd64', artifacts);

test('fits the protocol', () => {
  expect(desiredStateSchema.parse(state())).toEqual(state());
});

test('the kubelet of the pool, the newest of what it does not name, every image', () => {
  const more = offered([...store.artifacts, artifact('containerd', '1.10.0'), artifact('images', 'cilium')]);
  const names = state({}, {}, more).artifacts.map(({ component, version }) => `${component} ${version}`);
  expect(names).toEqual([
    'containerd 1.10.0',
    'runc 1.1.5',
    'kubelet 1.20.2',
    'cni-plugins 1.1.1',
    'images cilium',
    'images pause',
  ]);
  const pinned = state({ componentVersions: { containerd: 'v1.6.20' } }, {}, more);
  expect(pinned.artifacts[0]?.version).toBe('1.6.20');
});

test.each([
  ['kubelet', 'v1.30.0', { kubernetesVersion: 'v1.30.0' }],
  ['runc', '9', { componentVersions: { runc: '9' } }],
])('a %s that the store lacks is named', (name, version, change) => {
  expect(() => state(change)).toThrow(
    expect.objectContaining({ code: 'ARTIFACT_MISSING', values: { name, version, architecture: 'amd64' } }),
  );
});

test('one that no frame takes is refused, and names how long it is', () => {
  const caPem = `-----BEGIN CERTIFICATE-----\n${'A'.repeat(30_000)}\n-----END CERTIFICATE-----\n`;
  const registries = (...hosts: string[]) => ({
    containerd: { registries: hosts.map((host) => ({ host, mirrors: [], caPem })) },
  });
  const largest = state(registries('a.example', 'b.example'));
  expect(encodeJson({ kind: 'desired', desired: largest }).length).toBeLessThanOrEqual(
    framePayloadLimitBytes,
  );
  expect(() => state(registries('a.example', 'b.example', 'c.example'))).toThrow(
    expect.objectContaining({ code: 'DESIRED_STATE_TOO_LARGE' }),
  );
  expect(desiredStateLimitBytes + 64).toBeLessThanOrEqual(framePayloadLimitBytes);
});

test.each([
  ['what the gateway can', undefined, 'tunnel', 'tunnel'],
  ['what the gateway can', undefined, 'direct', 'direct'],
  ['its own word', 'direct', 'tunnel', 'direct'],
  ['its own word', 'tunnel', 'direct', 'tunnel'],
] as const)('kubelets of a pool are reached by %s: %s over %s', (_what, own, gateway, expected) => {
  const change = own === undefined ? {} : { kubeletAccess: own };
  const desired = desiredState(
    { name: 'idc', spec: spec(change) },
    {},
    'amd64',
    store,
    {},
    {
      kubeletAccess: gateway,
    },
  );
  expect(desired.kubeletAccess).toBe(expected);
});

test('another way to the kubelet is another revision', () => {
  expect(state({ kubeletAccess: 'tunnel' }).revision).not.toBe(state({ kubeletAccess: 'direct' }).revision);
});

test('another API server, or other CAs of it, are another revision, and fit the protocol', () => {
  const caPem = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
  const told = (apiServer: object) =>
    desiredState({ name: 'idc', spec: spec() }, {}, 'amd64', store, {}, { apiServer });
  const states = [{}, { caPem }, { url: 'https://10.0.0.1:6443', caPem }].map(told);
  expect(new Set(states.map(({ revision }) => revision)).size).toBe(3);
  for (const one of states) expect(desiredStateSchema.parse(one)).toEqual(one);
});

test('another architecture is another store', () => {
  expect(() => desiredState({ name: 'idc', spec: spec() }, {}, 'arm64', store)).toThrow('arm64');
});

describe('versions that go together', () => {
  const on = (host: HostTraits, change: Partial<PoolSpecInput> = {}, more = store) =>
    desiredState({ name: 'idc', spec: spec(change) }, {}, 'amd64', more, host).artifacts[0]?.version;
  const both = offered([...store.artifacts, artifact('containerd', '2.1.9'), artifact('kubelet', '1.32.3')]);

  test('containerd is the newest that speaks the language of the kubelet', () => {
    expect(on({}, {}, both)).toBe('1.6.20');
    expect(on({}, { kubernetesVersion: 'v1.32.3' }, both)).toBe('2.1.9');
  });

  test.each([
    ['cri-alpha-only', {}, { componentVersions: { containerd: '2.1.9' } }],
    ['cgroup-v2-early-kubelet', { cgroupVersion: 2 }, { kubernetesVersion: 'v1.18.20' }],
    ['kubelet-kernel-needed', { kernelRelease: '4.14.105-19-0020' }, {}],
  ])('%s is refused with its reason', (rule, host, change) => {
    expect(() => on(host, change, both)).toThrow(
      expect.objectContaining({ code: 'VERSION_INCOMPATIBLE', values: expect.objectContaining({ rule }) }),
    );
  });
});

describe('labels and taints', () => {
  test('the node wins over the pool, and nobody over the name of the pool', () => {
    const labels = state(
      { labels: { a: 'pool', b: 'pool', 'regnode.io/pool': 'x' } },
      { labels: { b: 'node', 'regnode.io/pool': 'y' } },
    ).labels;
    expect(labels).toEqual({ a: 'pool', b: 'node', 'regnode.io/pool': 'idc' });
  });

  test('one taint for each key and effect', () => {
    const taint = (value: string) => ({ key: 'a', value, effect: 'NoSchedule' as const });
    expect(state({ taints: [taint('pool')] }, { taints: [taint('node')] }).taints).toEqual([taint('node')]);
  });
});

describe('revision', () => {
  test.each<[string, Partial<PoolSpecInput>]>([
    ['version', { kubernetesVersion: 'v1.20.3' }],
    ['network', { network: { mode: 'cilium' } }],
    ['labels', { labels: { a: '1' } }],
    ['telemetry', { telemetry: { heartbeatIntervalMs: 1000 } }],
  ])('changes with the %s', (_name, change) => {
    expect(state(change).revision).not.toBe(state().revision);
  });

  test('changes when an artifact gets other bytes', () => {
    const rebuilt = offered(store.artifacts.map((one) => ({ ...one, sha256: 'b'.repeat(64) })));
    expect(state({}, {}, rebuilt).revision).not.toBe(state().revision);
  });

  test('does not depend on the order of keys or of the store', () => {
    fc.assert(
      fc.property(
        fc.shuffledSubarray([...store.artifacts], { minLength: store.artifacts.length }),
        (shuffled) => {
          expect(state({ labels: { b: '1', a: '2' } }, {}, offered(shuffled)).revision).toBe(
            state({ labels: { a: '2', b: '1' } }).revision,
          );
        },
      ),
    );
  });

  test('does not depend on what the host never sees', () => {
    expect(state({ maxNodes: 7 }).revision).toBe(state().revision);
  });
});

test.each([
  ['1.10.0', '1.9.9', true],
  ['v1.20.3', '1.20.2', true],
  ['1.20.2', 'v1.20.2', false],
  ['1.0.0', '1.0.0-rc.1', true],
  ['1.0.0-rc.2', '1.0.0-rc.10', false],
  ['2.0', '10.0', false],
])('%s newer than %s: %s', (a, b, newer) => {
  expect(isNewer(a, b)).toBe(newer);
});
