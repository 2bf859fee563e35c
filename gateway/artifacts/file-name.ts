// How an artifact's file is called in the store and in a bundle: its path without the folder that the gateway serves.
import type { Artifact } from '../../protocol/messages/desired.ts';

const prefix = '/artifacts/';

export function fileNameOf({ path }: Pick<Artifact, 'path'>): string {
  return path.slice(prefix.length);
}
