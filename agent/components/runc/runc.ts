// The program that starts containers; containerd is given its path, nothing goes into a shared bin folder.
import type { Component } from '../component.ts';
import { artifactOf, inUse } from '../trees.ts';

export const runcComponent: Component = {
  name: 'runc',
  plan: (_, { desired }) => [inUse(artifactOf(desired, 'runc'))],
};
