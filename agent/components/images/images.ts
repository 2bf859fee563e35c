// Images that come with the bundle, imported before the kubelet starts: no registry is needed.
import { paths } from '../../config/paths.ts';
import type { Component } from '../component.ts';
import { artifactOf, programPath, treeOf } from '../trees.ts';

export const imagesComponent: Component = {
  name: 'images',
  plan(facts, { desired }) {
    const archives = desired.artifacts.filter((artifact) => artifact.component === 'images');
    const ctr = programPath(facts, artifactOf(desired, 'containerd'), 'ctr');
    return archives.map((artifact) => {
      return { kind: 'images', folder: treeOf(artifact), ctr, socket: paths.containerdSocket };
    });
  },
};
