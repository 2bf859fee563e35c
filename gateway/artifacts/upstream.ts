// Archives that lie in the bundle's folder under the names that their projects give them: component, version
// and architecture are read from the name, the archive is taken as it is. What carries no version in its name
// (runc.amd64, kubelet) goes into DIR/COMPONENT/VERSION/ARCHITECTURE/ instead.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Artifact } from '../../protocol/messages/desired.ts';
import { licenceOf } from './licences.ts';
import type { Source } from './source.ts';

type Architecture = Artifact['architecture'];

const patterns: readonly (readonly [Artifact['component'], RegExp])[] = [
  ['containerd', /^containerd-(?<version>\d.*)-linux-(?<architecture>amd64|arm64)\.tar\.gz$/],
  ['cni-plugins', /^cni-plugins-linux-(?<architecture>amd64|arm64)-v(?<version>\d.*)\.tgz$/],
  ['crictl', /^crictl-v(?<version>\d.*)-linux-(?<architecture>amd64|arm64)\.tar\.gz$/],
  ['agent', /^regnode-(?<version>\d.*)-linux-(?<architecture>amd64|arm64)\.tar\.gz$/],
];

export async function readUpstream(folder: string): Promise<Source[]> {
  const sources: Source[] = [];
  for (const name of (await readdir(folder)).sort()) {
    for (const [component, pattern] of patterns) {
      const { version, architecture } = pattern.exec(name)?.groups ?? {};
      if (version === undefined) continue;
      const licence = await licenceOf(component);
      const path = join(folder, name);
      sources.push({
        component,
        version,
        architecture: architecture as Architecture,
        path,
        packed: true,
        licence,
      });
    }
  }
  return sources;
}
