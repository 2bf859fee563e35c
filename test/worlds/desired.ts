// A complete desired state of a pool with artifacts that unpack to a few small
// files, for tests of whole joins.

import { defaultThresholds } from '../../protocol/line/thresholds.ts';
import type { DesiredState } from '../../protocol/messages/desired.ts';
import { LoopbackGateway } from './gateway.ts';
import type { Archives } from './idc-host.ts';

/** What each archive (known by its content, its component's name) unpacks to. */
export const archives: Archives = new Map<string, Record<string, string>>([
  ['containerd', { 'bin/containerd': 'c', 'bin/ctr': 'c', 'bin/containerd-shim-runc-v2': 's' }],
  ['runc', { 'bin/runc': 'r' }],
  ['kubelet', { 'bin/kubelet': 'k' }],
  ['cni-plugins', { bridge: 'b', 'host-local': 'h' }],
  ['images', { 'pause.tar': 'pause', 'busybox.tar': 'busybox' }],
]);

const versions = {
  containerd: '1.6.20',
  runc: '1.1.5',
  kubelet: '1.20.2',
  'cni-plugins': '1.1.1',
  images: '1',
};

export const desiredState: DesiredState = {
  revision: '1',
  pool: 'idc',
  kubernetesVersion: '1.20.2',
  network: { mode: 'cilium' },
  apiServerAccess: 'direct',
  kubeletAccess: 'tunnel',
  labels: {},
  taints: [],
  kubelet: { clusterDns: ['10.96.0.10'], clusterDomain: 'cluster.local', maxPods: 110 },
  containerd: { sandboxImage: 'docker.io/library/pause:1' },
  telemetry: { heartbeatIntervalMs: 10_000, metricsIntervalMs: 10_000 },
  downloads: { mirrors: [] },
  manifest: { serial: 1, sha256: '0'.repeat(64) },
  line: defaultThresholds,
  driftPolicy: 'repair',
  driftIntervalMs: 300_000,
  upgrade: { healthTimeoutMs: 60_000, attempt: '', drain: 'minor' },
  artifacts: [],
};

export async function startGateway(): Promise<LoopbackGateway> {
  const gateway = await LoopbackGateway.start(desiredState);
  const artifacts = Object.entries(versions).map(([name, version]) =>
    gateway.add(name as keyof typeof versions, version, name),
  );
  gateway.offer(artifacts);
  return gateway;
}
