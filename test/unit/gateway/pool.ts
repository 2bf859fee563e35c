// A pool and an artifact store that fits it.
import type { OfferedArtifacts } from '../../../gateway/artifacts/store.ts';
import type { PoolObject } from '../../../gateway/resources/node-pool.ts';
import type { Artifact } from '../../../protocol/messages/desired.ts';

export function pool(name: string, spec: Partial<PoolObject['spec']> = {}): PoolObject {
  return {
    metadata: { name },
    spec: { kubernetesVersion: 'v1.20.2', network: { mode: 'external' }, ...spec },
  };
}

export function artifact(component: Artifact['component'], version: string): Artifact {
  return {
    component,
    version,
    architecture: 'amd64',
    path: `/artifacts/${component}-${version}-amd64.tar.gz`,
    sizeBytes: 1,
    sha256: 'a'.repeat(64),
  };
}

export function offered(artifacts: readonly Artifact[]): OfferedArtifacts {
  return { serial: 7, sha256: 'b'.repeat(64), artifacts };
}

export const store = offered([
  artifact('containerd', '1.6.20'),
  artifact('runc', '1.1.5'),
  artifact('kubelet', '1.20.2'),
  artifact('kubelet', '1.20.3'),
  artifact('cni-plugins', '1.1.1'),
  artifact('images', 'pause'),
  artifact('agent', '0.1.0'),
]);
