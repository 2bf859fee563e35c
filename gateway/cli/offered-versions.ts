// Whether the store of the gateway has the versions that a pool is about to name, before the pool names them.
// What the store has is read where the gateway has published it; where it could not publish it (a store of
// thousands of archives), the gateway judges alone. A gateway publishes a store that has changed after it has
// read it again, so a version that is missing is waited for as long as that takes.
import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { Text } from '../../protocol/catalogue/text.ts';
import { type Manifest, manifestName, manifestSchema } from '../../protocol/messages/manifest.ts';
import type { PoolSpec } from '../../protocol/settings/pool.ts';
import { valueAt } from '../../protocol/settings/setting.ts';
import { readAddress } from '../join/public-address.ts';
import { isFailure, type Kubernetes } from '../kubernetes/kubernetes.ts';
import { bare } from '../pools/desired-state.ts';
import { say } from './language.ts';
import { tellProgress } from './output.ts';

const components = {
  kubernetesVersion: 'kubelet',
  'componentVersions.containerd': 'containerd',
  'componentVersions.runc': 'runc',
  'componentVersions.cniPlugins': 'cni-plugins',
  'componentVersions.agent': 'agent',
} as const;

export interface StorePatience {
  /** How long a version that is missing is looked for again, in milliseconds. */
  readonly patienceMs?: number;
}

/** The gateway reads its store each 5 s (gateway/artifacts/watch.ts), and then publishes it. */
const usualPatienceMs = 12_000;
const lookAgainMs = 500;

/** Of those versions that the change names anew. */
export async function requireOffered(
  kubernetes: Kubernetes,
  before: PoolSpec,
  after: PoolSpec,
  { patienceMs = usualPatienceMs }: StorePatience = {},
): Promise<void> {
  const named = Object.entries(components).flatMap(([path, component]) => {
    const version = valueAt(after, path);
    return typeof version === 'string' && version !== valueAt(before, path) ? [{ component, version }] : [];
  });
  for (let waitedMs = 0; named.length > 0; waitedMs += lookAgainMs) {
    const manifest = await publishedManifest(kubernetes);
    const missing = manifest && firstMissing(named, manifest);
    if (missing === undefined) return;
    if (waitedMs >= patienceMs) throw new Fault('VERSION_NOT_OFFERED', missing);
    if (waitedMs === 0) tellProgress(say(waitingFor(missing)));
    await sleep(lookAgainMs);
  }
}

interface NamedVersion {
  readonly component: string;
  readonly version: string;
}

function firstMissing(named: readonly NamedVersion[], { artifacts }: Manifest) {
  for (const { component, version } of named) {
    const offered = artifacts.filter((artifact) => artifact.component === component);
    if (offered.some((artifact) => bare(artifact.version) === bare(version))) continue;
    const versions = [...new Set(offered.map((artifact) => artifact.version))].join(', ') || '-';
    return { name: component, version, versions };
  }
  return undefined;
}

const waitingFor = ({ name, version }: { name: string; version: string }): Text => ({
  en: `the gateway does not offer ${name} ${version} yet; waiting until it has read its store again`,
  zh: `网关尚未提供 ${name} ${version}，正在等待它重新读取制品库`,
});

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
