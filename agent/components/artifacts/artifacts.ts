// All archives of the wish, before anything else: a download that fails leaves the host as it was.
import type { Component } from '../component.ts';
import { treeOf } from '../trees.ts';

export const artifactsComponent: Component = {
  name: 'artifacts',
  plan: (_, { desired }) =>
    desired.artifacts
      .filter((artifact) => artifact.component !== 'agent')
      .map((artifact) => ({ kind: 'artifact', artifact, tree: treeOf(artifact) })),
};
