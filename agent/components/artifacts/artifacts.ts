// All archives of the desired state, fetched and unpacked (side by side, each archive for itself) before
// anything else: a download that fails leaves at most versions that nothing uses, and where a program lies in
// its archive is known before a unit names it.
import { paths } from '../../config/paths.ts';
import type { Component } from '../component.ts';
import { ownFolder, treeOf } from '../trees.ts';

export const artifactsComponent: Component = {
  name: 'artifacts',
  plan(_, { desired }) {
    // The agent's own archive is the installer's business, until the agent upgrades itself.
    const artifacts = desired.artifacts.filter(({ component }) => component !== 'agent');
    return [
      ...artifacts.map((artifact) => ({ kind: 'artifact', artifact, tree: treeOf(artifact) }) as const),
      ownFolder(paths.components),
      ...artifacts.flatMap((artifact) => [
        ownFolder(`${paths.components}/${artifact.component}`),
        { kind: 'tree', path: treeOf(artifact), artifact } as const,
      ]),
    ];
  },
};
