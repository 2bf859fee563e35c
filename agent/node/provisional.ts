// What a join would probably be told, for a dry run: the newest artifacts of the gateway's store, and placeholders
// for what only a registration brings. Never executed.
import { z } from 'zod';
import { type Artifact, artifactSchema } from '../../protocol/desired.ts';
import { Fault } from '../../protocol/fault.ts';
import type { NodeWish } from '../components/component.ts';
import type { Host } from '../host/host.ts';
import { gatherFacts, requireNodeName } from '../identity/facts.ts';
import { createGatewayApi } from '../identity/gateway-api.ts';

const manifestSchema = z.object({ artifacts: z.array(artifactSchema) });
const manifestLimitBytes = 4 * 1024 * 1024;

export async function provisionalWish(
  host: Host,
  wish: { gatewayUrl: string; caPem: string; nodeName: string },
  signal: AbortSignal,
): Promise<NodeWish> {
  const facts = await gatherFacts(host, wish.gatewayUrl);
  const manifest = await fetchManifest(wish, signal);
  const artifacts = newestOf(manifest.filter(({ architecture }) => architecture === facts.architecture));
  const kubelet = artifacts.find(({ component }) => component === 'kubelet');
  return {
    identity: {
      gatewayUrl: wish.gatewayUrl,
      nodeName: requireNodeName(wish.nodeName),
      pool: '(of the token)',
      address: facts.addresses[0] ?? '',
      bootstrap: {
        apiServerUrl: 'https://(of-the-cluster)',
        caPem: wish.caPem,
        token: '(of the registration)',
      },
    },
    desired: {
      revision: '(not registered)',
      pool: '(of the token)',
      kubernetesVersion: kubelet?.version ?? '',
      network: { mode: 'external' },
      apiServerAccess: 'direct',
      labels: {},
      taints: [],
      kubelet: { clusterDns: ['(of the pool)'], clusterDomain: '(of the pool)', maxPods: 110 },
      containerd: { sandboxImage: '(of the pool)' },
      telemetry: { heartbeatIntervalMs: 10_000, metricsIntervalMs: 10_000 },
      artifacts,
    },
  };
}

async function fetchManifest(
  { gatewayUrl, caPem }: { gatewayUrl: string; caPem: string },
  signal: AbortSignal,
): Promise<Artifact[]> {
  const gateway = createGatewayApi({ url: gatewayUrl, caPem });
  try {
    const { bytes } = await gateway.download('/artifacts/manifest.json', 0, signal);
    const chunks: Uint8Array[] = [];
    let total = 0;
    for await (const chunk of bytes) {
      total += chunk.length;
      if (total > manifestLimitBytes) throw new Error('it is too large');
      chunks.push(chunk);
    }
    return manifestSchema.parse(JSON.parse(Buffer.concat(chunks).toString('utf8'))).artifacts;
  } catch (error) {
    if (error instanceof Fault) throw error;
    throw new Fault('REQUEST_MALFORMED', { detail: `manifest.json: ${String(error)}` }, { cause: error });
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
