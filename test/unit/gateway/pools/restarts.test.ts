// What `pool set` says a setting does is what an agent would do: each field is changed by itself, and the
// stamps of the units that the agent plans say which process would be another one.
import { expect, test } from 'vitest';
import { planComponents } from '../../../../agent/components/index.ts';
import { desiredState } from '../../../../gateway/pools/desired-state.ts';
import { isRollout, restartedBy } from '../../../../gateway/pools/restarts.ts';
import {
  type PoolSpec,
  type PoolSpecInput,
  poolSettings,
  poolSpecSchema,
} from '../../../../protocol/settings/pool.ts';
import { desiredNode, host } from '../../agent/components/desired.ts';
import { artifact } from '../pool.ts';

const offered = {
  serial: 1,
  sha256: '0'.repeat(64),
  artifacts: [
    artifact('containerd', '1.6.20'),
    artifact('runc', '1.1.5'),
    artifact('kubelet', '1.20.2'),
    { ...artifact('kubelet', '1.20.3'), sha256: '3'.repeat(64) },
    { ...artifact('containerd', '1.6.9'), sha256: '9'.repeat(64) },
    { ...artifact('runc', '1.1.4'), sha256: '4'.repeat(64) },
    { ...artifact('cni-plugins', '1.1.0'), sha256: '0'.repeat(64) },
    artifact('cni-plugins', '1.1.1'),
  ],
};
const base: PoolSpecInput = { kubernetesVersion: '1.20.2' };

/** Unit → stamp, as an agent of this pool would have it. */
function stamps(spec: PoolSpec): ReadonlyMap<string, string | undefined> {
  const desired = desiredState({ name: 'idc', spec }, {}, 'amd64', offered);
  const resources = planComponents(host, { ...desiredNode, desired });
  return new Map(
    resources.flatMap((resource) =>
      resource.kind === 'unit' ? [[resource.name, resource.stamp] as const] : [],
    ),
  );
}

function restartedOnAHost(input: PoolSpecInput): string[] {
  const [before, after] = [base, input].map((spec) => stamps(poolSpecSchema.parse(spec)));
  return ['containerd', 'kubelet'].filter(
    (unit) => before?.get(`${unit}.service`) !== after?.get(`${unit}.service`),
  );
}

/** Every setting that goes to a node, with another value than its default. */
const changed: readonly (readonly [field: string, input: Partial<PoolSpecInput>])[] = [
  ['apiServerAccess', { apiServerAccess: 'tunnel' }],
  ['kubeletAccess', { kubeletAccess: 'tunnel' }],
  ['labels.site', { labels: { site: 'a' } }],
  ['taints', { taints: [{ key: 'site', effect: 'NoSchedule' }] }],
  ['nodeCidrs', { nodeCidrs: ['10.0.0.0/8'] }],
  ['maxNodes', { maxNodes: 3 }],
  ['kubelet.clusterDns', { kubelet: { clusterDns: ['10.96.0.10'] } }],
  ['kubelet.clusterDomain', { kubelet: { clusterDomain: 'example.test' } }],
  ['kubelet.maxPods', { kubelet: { maxPods: 50 } }],
  ['kubelet.reserved.cpuMillicores', { kubelet: { reserved: { cpuMillicores: 700 } } }],
  ['kubelet.evictionHard', { kubelet: { evictionHard: { 'memory.available': '700Mi' } } }],
  [
    'kubelet.imageGarbageCollection',
    { kubelet: { imageGarbageCollection: { highThresholdPercent: 70, lowThresholdPercent: 60 } } },
  ],
  ['containerd.sandboxImage', { containerd: { sandboxImage: 'example.test/pause:1' } }],
  [
    'containerd.registries',
    { containerd: { registries: [{ host: 'docker.io', mirrors: ['https://mirror.example.test'] }] } },
  ],
  ['telemetry.heartbeatIntervalMs', { telemetry: { heartbeatIntervalMs: 5000 } }],
  ['telemetry.metricsIntervalMs', { telemetry: { metricsIntervalMs: 5000 } }],
  ['downloads.mirrors', { downloads: { mirrors: ['https://mirror.example.test'] } }],
  ['downloads.rateLimitBytesPerSecond', { downloads: { rateLimitBytesPerSecond: 1_000_000 } }],
  ['upgrade.drain', { upgrade: { drain: 'never' } }],
  ['certificateGraceDays', { certificateGraceDays: 3 }],
  ['driftPolicy', { driftPolicy: 'report' }],
  ['driftIntervalMs', { driftIntervalMs: 5000 }],
  ['upgrade.maxUnavailable', { upgrade: { maxUnavailable: 2 } }],
  ['upgrade.healthTimeoutMs', { upgrade: { healthTimeoutMs: 20_000 } }],
  ['componentVersions.containerd', { componentVersions: { containerd: '1.6.9' } }],
  ['componentVersions.runc', { componentVersions: { runc: '1.1.4' } }],
  ['componentVersions.cniPlugins', { componentVersions: { cniPlugins: '1.1.0' } }],
  ['kubernetesVersion', { kubernetesVersion: '1.20.3' }],
];

test.each(changed)('%s restarts what pool set says', (field, input) => {
  expect(restartedBy([field])).toEqual(restartedOnAHost({ ...base, ...input }));
});

test('every setting that reaches hosts stands in this table', () => {
  // Cilium's pods have a rollout of their own; the agent is the only one that `regnode` stands for.
  const elsewhere = ['network.', 'line', 'componentVersions.agent'];
  const isNamed = (path: string) =>
    changed.some(([field]) => field === path || field.startsWith(`${path}.`)) ||
    elsewhere.some((prefix) => path.startsWith(prefix));
  const reaching = poolSettings.filter(({ reaches }) => reaches === 'hosts').map(({ path }) => path);
  expect(reaching.filter((path) => !isNamed(path))).toEqual([]);
});

test('versions are a rollout too, also those that nothing restarts for', () => {
  expect(isRollout(['componentVersions.cniPlugins'])).toBe(true);
  expect(restartedBy(['componentVersions.cniPlugins'])).toEqual([]);
  expect(restartedBy(['componentVersions.agent', 'labels.a'])).toEqual(['regnode']);
  expect(isRollout(['labels.a', 'line.lossWarningPercent', 'kubeletAccessory'])).toBe(false);
});
