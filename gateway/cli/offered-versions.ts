// Whether the store of the gateway has the versions that a pool is about to name, before the pool names them.
// What the store has is read where the gateway has published it; where it could not publish it (a store of
// thousands of archives), the gateway judges alone.
import { Fault } from '../../protocol/catalogue/fault.ts';
import { type Manifest, manifestName, manifestSchema } from '../../protocol/messages/manifest.ts';
import type { PoolSpec } from '../../protocol/settings/pool.ts';
import { valueAt } from '../../protocol/settings/setting.ts';
import { readAddress } from '../join/public-address.ts';
import { isFailure, type Kubernetes } from '../kubernetes/kubernetes.ts';
import { bare } from '../pools/desired-state.ts';

const components = {
  kubernetesVersion: 'kubelet',
  'componentVersions.containerd': 'containerd',
  'componentVersions.runc': 'runc',
  'componentVersions.cniPlugins': 'cni-plugins',
  'componentVersions.agent': 'agent',
} as const;

/** Of those versions that the change names anew. */
export async function requireOffered(
  kubernetes: Kubernetes,
  before: PoolSpec,
  after: PoolSpec,
): Promise<void> {
  const named = Object.entries(components).flatMap(([path, component]) => {
    const version = valueAt(after, path);
    return typeof version === 'string' && version !== valueAt(before, path) ? [{ component, version }] : [];
  });
  if (named.length === 0) return;
  const manifest = await publishedManifest(kubernetes);
  if (manifest === undefined) return;
  for (const { component, version } of named) {
    const offered = manifest.artifacts.filter((artifact) => artifact.component === component);
    if (offered.some((artifact) => bare(artifact.version) === bare(version))) continue;
    const versions = [...new Set(offered.map((artifact) => artifact.version))].join(', ') || '-';
    throw new Fault('VERSION_NOT_OFFERED', { name: component, version, versions });
  }
}

async function publishedManifest(kubernetes: Kubernetes): Promise<Manifest | undefined> {
  try {
    const text = (await readAddress(kubernetes))?.files[manifestName];
    return text === undefined ? undefined : manifestSchema.safeParse(JSON.parse(text)).data;
  } catch (error) {
    // Who may edit pools need not be allowed to read the gateway's namespace.
    if (error instanceof SyntaxError || isFailure(error, 'Forbidden')) return undefined;
    throw error;
  }
}
