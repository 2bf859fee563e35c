// Facts of hosts and a desired state of a pool, for tests of what components plan.
import type { DesiredNode, NodeFacts } from '../../../../agent/components/component.ts';
import { defaultThresholds } from '../../../../protocol/line/thresholds.ts';
import type { Artifact, DesiredState } from '../../../../protocol/messages/desired.ts';

/** TencentOS Server 3.1 on a machine of 16 cores and 64 GiB. */
export const host: NodeFacts = {
  kernelRelease: '5.4.119-19.0009.28',
  glibc: '2.28',
  systemd: '239',
  cgroupVersion: 1,
  cgroupDriver: 'systemd',
  cgroupDriverReason: 'cgroup v1: systemd manages the tree',
  canLowerOomScore: true,
  cpuCount: 16,
  memoryMiB: 64_213,
  resolvConf: '/etc/resolv.conf',
  modulesToLoad: ['overlay'],
  bpfIsMounted: true,
  otherNetworks: [],
  trees: new Map(),
  agentUnit: undefined,
  agentTrialSeconds: undefined,
};

export const container: NodeFacts = {
  ...host,
  cgroupDriver: 'cgroupfs',
  cgroupDriverReason: 'cgroup v1 in a container',
  canLowerOomScore: false,
};

export function artifact(component: Artifact['component'], version: string): Artifact {
  return {
    component,
    version,
    architecture: 'amd64',
    path: `/artifacts/${component}.tar.gz`,
    sizeBytes: 1,
    sha256: String(component.length % 10).repeat(64),
  };
}

export const desired: DesiredState = {
  revision: '1',
  pool: 'idc',
  kubernetesVersion: '1.28.0',
  network: { mode: 'external' },
  apiServerAccess: 'direct',
  kubeletAccess: 'tunnel',
  labels: {},
  taints: [{ key: 'site', value: 'idc', effect: 'NoSchedule' }],
  kubelet: { clusterDns: ['10.96.0.10'], clusterDomain: 'cluster.local', maxPods: 110 },
  containerd: { sandboxImage: 'example.test/pause:3.9' },
  telemetry: { heartbeatIntervalMs: 10_000, metricsIntervalMs: 10_000 },
  downloads: { mirrors: [] },
  manifest: { serial: 1, sha256: '0'.repeat(64) },
  line: defaultThresholds,
  driftPolicy: 'repair',
  driftIntervalMs: 300_000,
  upgrade: { healthTimeoutMs: 300_000, attempt: '', drain: 'minor' },
  artifacts: [
    artifact('containerd', '1.7.28'),
    artifact('runc', '1.1.5'),
    artifact('kubelet', '1.28.0'),
    artifact('cni-plugins', '1.1.1'),
  ],
};

export const desiredNode: DesiredNode = {
  desired,
  identity: {
    gatewayUrl: 'https://10.77.0.1',
    nodeName: 'idc-1',
    pool: 'idc',
    address: '10.77.0.11',
    bootstrap: { apiServerUrl: 'https://10.77.0.1:6443', caPem: 'CA\n', token: 'abcdef.0123456789abcdef' },
  },
};
