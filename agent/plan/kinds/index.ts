// The registry: one line per kind of resource. A kind of the union that is missing here doesn't compile.
import type { KindTable } from '../kind.ts';
import { artifactKind } from './artifact.ts';
import { ciliumDataPathKind } from './cilium-data-path.ts';
import { claimKind } from './claim.ts';
import { directoryKind } from './directory.ts';
import { fileKind } from './file.ts';
import { imagesKind } from './images.ts';
import { linkKind } from './link.ts';
import { moduleKind } from './module.ts';
import { podNetworkKind } from './pod-network.ts';
import { setAsideKind } from './set-aside.ts';
import { sysctlKind } from './sysctl.ts';
import { treeKind } from './tree.ts';
import { unitKind } from './unit.ts';

export const kinds: KindTable = {
  artifact: artifactKind,
  tree: treeKind,
  directory: directoryKind,
  file: fileKind,
  link: linkKind,
  claim: claimKind,
  sysctl: sysctlKind,
  module: moduleKind,
  unit: unitKind,
  images: imagesKind,
  'pod-network': podNetworkKind,
  'set-aside': setAsideKind,
  'cilium-data-path': ciliumDataPathKind,
};
