// A bundle on this host, brought on a disk or over a jump host: a store's folder, or the one tar
// that was made of it. The tar isn't unpacked: its archives are read where they lie in it, so it
// needs no second place on the disk.

import { Fault } from '../../../protocol/catalogue/fault.ts';
import { type Artifact, fileNameOf } from '../../../protocol/messages/desired.ts';
import type { Host } from '../../host/host.ts';
import type { ArtifactOrigin } from '../../plan/source.ts';
import { indexTar, type TarMember } from './tar-index.ts';

export function bundleOrigin(host: Host, path: string): ArtifactOrigin {
  let members: Promise<ReadonlyMap<string, TarMember>> | undefined;

  async function find(artifact: Artifact): Promise<{ file: string; start: number; sizeBytes: number }> {
    const name = fileNameOf(artifact);
    const status = await host.files.status(path);
    if (status?.kind === 'directory') {
      const inside = await host.files.status(`${path}/${name}`);
      if (inside?.kind === 'file') return { file: `${path}/${name}`, start: 0, sizeBytes: inside.sizeBytes };
    } else if (status?.kind === 'file') {
      members ??= indexTar(host, path, status.sizeBytes);
      const member = (await members).get(name);
      if (member !== undefined) return { file: path, ...member };
    }
    const { component, version, architecture } = artifact;
    throw new Fault('ARTIFACT_MISSING', { name: component, version, architecture });
  }

  return {
    name: path,
    async open(artifact, offset) {
      const { file, start, sizeBytes } = await find(artifact);
      const startsAt = offset < sizeBytes ? offset : 0;
      return { startsAt, bytes: host.files.readStream(file, start + startsAt, start + sizeBytes) };
    },
  };
}
