// The reference CNI plugins, linked one by one into the folder that they share with the cluster's own
// plugins. A plugin that stands there already belongs to somebody else and is used as it is.
import { componentLink, paths } from '../../config/paths.ts';
import type { Resource } from '../../plan/resource.ts';
import type { Component } from '../component.ts';
import { artifactOf, inUse, ownFolder, treeOf } from '../trees.ts';

export const cniComponent: Component = {
  name: 'cni-plugins',
  plan(facts, { desired }) {
    const artifact = artifactOf(desired, 'cni-plugins');
    const entries = facts.trees.get(treeOf(artifact))?.entries ?? [];
    const plugins = entries.filter((entry) => entry.kind === 'file' && (entry.mode & 0o100) !== 0);
    return [
      inUse(artifact),
      ownFolder(paths.cniData),
      ...plugins.map(({ path }): Resource => {
        const name = path.slice(path.lastIndexOf('/') + 1);
        return {
          kind: 'link',
          path: `${paths.cniBinaries}/${name}`,
          target: `${componentLink('cni-plugins')}/${path}`,
        };
      }),
    ];
  },
};
