// Images that come with the bundle: no registry is needed. Large ones are imported before the kubelet starts.
// A small archive, as that of the sandbox image, comes right after: that takes a moment, and a kubelet has
// its first pod a second later at the earliest.
import type { DesiredState } from '../../../protocol/messages/desired.ts';
import { paths } from '../../config/paths.ts';
import type { Resource } from '../../plan/resource.ts';
import type { Component, NodeFacts } from '../component.ts';
import { artifactOf, programPath, treeOf } from '../trees.ts';

const smallBytes = 8 * 1024 * 1024;

export const imagesComponent: Component = {
  name: 'images',
  plan: (facts, { desired }) => imports(facts, desired, (sizeBytes) => sizeBytes > smallBytes),
};

export const smallImagesComponent: Component = {
  name: 'small images',
  plan: (facts, { desired }) => imports(facts, desired, (sizeBytes) => sizeBytes <= smallBytes),
};

function imports(
  facts: NodeFacts,
  desired: DesiredState,
  isMeant: (sizeBytes: number) => boolean,
): Resource[] {
  const ctr = programPath(facts, artifactOf(desired, 'containerd'), 'ctr');
  return desired.artifacts
    .filter(({ component, sizeBytes }) => component === 'images' && isMeant(sizeBytes))
    .map((artifact) => {
      return { kind: 'images', folder: treeOf(artifact), ctr, socket: paths.containerdSocket };
    });
}
