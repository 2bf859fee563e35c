// Where a component's programs are: its tree by version, the link `current`, and the
// archive that it comes from.

import { Fault } from '../../protocol/catalogue/fault.ts';
import type { Artifact, DesiredState } from '../../protocol/messages/desired.ts';
import { componentLink, componentTree, paths } from '../config/paths.ts';
import type { Resource } from '../plan/resource.ts';
import type { NodeFacts } from './component.ts';

type ComponentName = Artifact['component'];

export function artifactOf(desired: DesiredState, component: ComponentName): Artifact {
  const artifact = desired.artifacts.find((candidate) => candidate.component === component);
  if (artifact !== undefined) return artifact;
  throw new Fault('ARTIFACT_MISSING', {
    name: component,
    version: 'of any version',
    architecture: 'this host',
  });
}

/** `images` may occur several times, also in the same version: the hash tells them apart. */
export function treeOf(artifact: Artifact): string {
  const suffix = artifact.component === 'images' ? `-${artifact.sha256.slice(0, 12)}` : '';
  return componentTree(artifact.component, artifact.version + suffix);
}

/** The link that makes a version the one in use; its tree is there by then (artifacts/). */
export function inUse(artifact: Artifact): Resource {
  const tree = treeOf(artifact);
  return {
    kind: 'link',
    path: componentLink(artifact.component),
    target: tree.slice(tree.lastIndexOf('/') + 1),
  };
}

/** Archives have a program in `bin/` or at their top; until one is unpacked, `bin/` is assumed. */
export function programPath(facts: NodeFacts, artifact: Artifact, program: string): string {
  const entries = facts.trees.get(treeOf(artifact))?.entries ?? [];
  const inTree = [`bin/${program}`, program].find((path) => entries.some((entry) => entry.path === path));
  return `${componentLink(artifact.component)}/${inTree ?? `bin/${program}`}`;
}

/** A folder whose whole content is ours. Folders that we only share need no mention: see parents.ts. */
export function ownFolder(path: string, mode = 0o755): Resource {
  return { kind: 'directory', path, mode, content: 'ours' };
}

/**
 * `current` of each boot: a link of our own in place of `systemctl enable`, so that
 * it is undone like any link.
 */
export function startedAtBoot(unit: string, unitFile = `${paths.units}/${unit}`): Resource[] {
  return [{ kind: 'link', path: `${paths.unitWants}/${unit}`, target: unitFile }];
}
