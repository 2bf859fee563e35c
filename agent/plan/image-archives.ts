// Which images the archives of a folder bring, read from the archives themselves: the form of `docker save`,
// and OCI's with the name as an annotation.
import { z } from 'zod';
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { Host } from '../host/host.ts';
import { mustRun } from './command.ts';
import { normalizeImageName } from './image-name.ts';

export interface ImageArchive {
  readonly path: string;
  /** Long names, as containerd keeps them. */
  readonly names: readonly string[];
}

const dockerSchema = z.array(z.object({ RepoTags: z.array(z.string()).nullish() }));
const ociSchema = z.object({
  manifests: z.array(z.object({ annotations: z.record(z.string(), z.string()).optional() })),
});

/** undefined when there is no such folder. */
export async function readImageArchives(host: Host, folder: string): Promise<ImageArchive[] | undefined> {
  const names = await host.files.list(folder);
  if (names === undefined) return undefined;
  const tars = names.filter((name) => name.endsWith('.tar')).map((name) => `${folder}/${name}`);
  return Promise.all(tars.map(async (path) => ({ path, names: await namesIn(host, path) })));
}

// Entries may begin with `./`.
async function namesIn(host: Host, archive: string): Promise<string[]> {
  const list = await mustRun(host, 'tar', ['--list', '--file', archive]);
  const members = list.stdout.split('\n');
  const member = (name: string) => members.find((entry) => entry.replace(/^\.\//, '') === name);
  const read = async (name: string): Promise<unknown> => {
    const text = await mustRun(host, 'tar', ['--extract', '--to-stdout', '--file', archive, name]);
    return JSON.parse(text.stdout);
  };
  const docker = member('manifest.json');
  if (docker !== undefined) {
    const images = dockerSchema.parse(await read(docker));
    return images.flatMap((image) => image.RepoTags ?? []).map(normalizeImageName);
  }
  const oci = member('index.json');
  if (oci === undefined) throw new Fault('ARCHIVE_UNKNOWN', { path: archive });
  const { manifests } = ociSchema.parse(await read(oci));
  return manifests.flatMap(({ annotations = {} }) => annotations['io.containerd.image.name'] ?? []);
}
