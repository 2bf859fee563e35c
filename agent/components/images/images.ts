// Images that come with the bundle, unpacked and imported before the kubelet starts: no registry is needed.
import { paths } from '../../config/paths.ts';
import type { Component } from '../component.ts';
import { artifactOf, ownFolder, programPath, treeOf } from '../trees.ts';

export const imagesComponent: Component = {
  name: 'images',
  plan(facts, { desired }) {
    const archives = desired.artifacts.filter((artifact) => artifact.component === 'images');
    if (archives.length === 0) return [];
    const ctr = programPath(facts, artifactOf(desired, 'containerd'), 'ctr');
    return [
      ownFolder(`${paths.components}/images`),
      ...archives.flatMap((artifact) => [
        { kind: 'tree', path: treeOf(artifact), artifact } as const,
        { kind: 'images', folder: treeOf(artifact), ctr, socket: paths.containerdSocket } as const,
      ]),
    ];
  },
};
