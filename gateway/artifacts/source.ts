// What a bundle is made from: one component of one version for one architecture, as it was found in a folder.
import type { Artifact } from '../../protocol/messages/desired.ts';

export interface Source {
  readonly component: Artifact['component'];
  readonly version: string;
  readonly architecture: Artifact['architecture'];
  /** A tree, or an archive that is taken as it is. */
  readonly path: string;
  readonly packed: boolean;
  readonly licence: string;
}
