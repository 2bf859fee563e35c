// What a join would probably be told, for a dry run: the newest artifacts of the gateway's store, and
// placeholders for what only a registration brings. Never executed.

import type { Artifact } from '../../protocol/messages/desired.ts';
import { defaultPoolSpec } from '../../protocol/settings/pool.ts';
import { gatewayManifests } from '../components/artifacts/gateway.ts';
import type { DesiredNode } from '../components/component.ts';
import type { Host } from '../host/host.ts';
import { gatherFacts, requireNodeName } from '../identity/facts.ts';
import { createGatewayApi } from '../identity/gateway-api.ts';
import { type NamedTrust, previewManifest } from '../trust/accept.ts';
import type { JoinSettings } from './join.ts';

export async function provisionalNode(
  host: Host,
  settings: Pick<JoinSettings, 'gatewayUrl' | 'caPem' | 'nodeName' | keyof NamedTrust>,
  signal: AbortSignal,
): Promise<DesiredNode> {
  const facts = await gatherFacts(host, settings.gatewayUrl);
  const { manifest, sha256 } = await verifiedManifest(host, settings, signal);
  const fitting = manifest.artifacts.filter(({ architecture }) => architecture === facts.architecture);
  const artifacts = newestOf(fitting.map(({ licence: _licence, ...artifact }) => artifact));
  const kubelet = artifacts.find(({ component }) => component === 'kubelet');
  return {
    identity: {
      gatewayUrl: settings.gatewayUrl,
      nodeName: requireNodeName(settings.nodeName),
      pool: '(of the token)',
      address: facts.addresses[0] ?? '',
      bootstrap: {
        apiServerUrl: 'https://(of-the-cluster)',
        caPem: settings.caPem,
        token: '(of the registration)',
      },
    },
    desired: {
      revision: '(not registered)',
      pool: '(of the token)',
      kubernetesVersion: kubelet?.version ?? '',
      network: { mode: 'external' },
      apiServerAccess: 'direct',
      kubeletAccess: 'direct',
      labels: {},
      taints: [],
      kubelet: {
        ...defaultPoolSpec.kubelet,
        clusterDns: ['(of the pool)'],
        clusterDomain: '(of the pool)',
      },
      containerd: { sandboxImage: '(of the pool)' },
      downloads: defaultPoolSpec.downloads,
      telemetry: defaultPoolSpec.telemetry,
      manifest: { serial: manifest.serial, sha256 },
      line: defaultPoolSpec.line,
      driftPolicy: defaultPoolSpec.driftPolicy,
      driftIntervalMs: defaultPoolSpec.driftIntervalMs,
      upgrade: { healthTimeoutMs: defaultPoolSpec.upgrade.healthTimeoutMs, attempt: '', drain: 'never' },
      artifacts,
    },
  };
}

async function verifiedManifest(
  host: Host,
  { gatewayUrl, caPem, ...named }: Pick<JoinSettings, 'gatewayUrl' | 'caPem' | keyof NamedTrust>,
  signal: AbortSignal,
) {
  const gateway = createGatewayApi({ url: gatewayUrl, caPem, environment: host.environment });
  try {
    return await previewManifest(host, gatewayManifests(gateway), named, signal);
  } finally {
    gateway.close();
  }
}

function newestOf(artifacts: readonly Artifact[]): Artifact[] {
  const newest = new Map<string, Artifact>();
  const byVersion = (a: Artifact, b: Artifact) => a.version.localeCompare(b.version, 'en', { numeric: true });
  for (const artifact of artifacts.toSorted(byVersion)) {
    const key = artifact.component === 'images' ? artifact.sha256 : artifact.component;
    newest.set(key, artifact);
  }
  return [...newest.values()];
}
