// The name of an artifact's file in a store, in the tar made of one, and on a mirror.
import type { Artifact } from '../../../protocol/messages/desired.ts';

export function fileNameOf({ path }: Pick<Artifact, 'path'>): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
