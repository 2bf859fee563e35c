// Container images that come as docker-archive tars. Which names a tar brings is read from the tar itself; what
// containerd has already is asked from it, so nothing is imported twice and a wiped store is filled again.
import { z } from 'zod';
import { Fault } from '../../../protocol/fault.ts';
import type { Host } from '../../host/host.ts';
import { mustRun } from '../command.ts';
import { normalizeImageName } from '../image-name.ts';
import { defineKind, right, wrong } from '../kind.ts';
import type { ImagesResource } from '../resource.ts';

const importTimeoutMs = 10 * 60_000;
const dockerSchema = z.array(z.object({ RepoTags: z.array(z.string()).nullish() }));
const ociSchema = z.object({
  manifests: z.array(z.object({ annotations: z.record(z.string(), z.string()).optional() })),
});
const entrySchema = z.strictObject({
  folder: z.string(),
  ctr: z.string(),
  socket: z.string(),
  /** Only names that containerd did not have before. */
  names: z.array(z.string()),
});

interface Observed {
  readonly archives: readonly { path: string; names: readonly string[] }[] | undefined;
  readonly present: ReadonlySet<string>;
}

export const imagesKind = defineKind<'images', Observed, z.infer<typeof entrySchema>>({
  kind: 'images',
  identify: (resource) => `images:${resource.folder}`,
  title: (resource) => `import the images of ${resource.folder}`,

  async observe(host, resource) {
    return { archives: await listArchives(host, resource.folder), present: await listImages(host, resource) };
  },

  compare(_, { archives, present }) {
    if (archives === undefined) return wrong('not unpacked yet');
    const missing = archives.flatMap(({ names }) => names.filter((name) => !present.has(name)));
    return missing.length === 0 ? right : wrong(`not there: ${missing.join(', ')}`);
  },

  entrySchema,
  async record(_, { folder, ctr, socket }, { archives = [], present }) {
    const names = archives.flatMap((archive) => archive.names.filter((name) => !present.has(name)));
    return { folder, ctr, socket, names };
  },

  async apply({ host }, resource, { archives = [], present }) {
    for (const { path, names } of archives) {
      if (names.every((name) => present.has(name))) continue;
      await mustRun(host, resource.ctr, [...client(resource), 'images', 'import', path], {
        timeoutMs: importTimeoutMs,
      });
    }
  },

  async undo({ host }, entries) {
    const [first] = entries;
    const present = await listImages(host, first);
    const names = [...new Set(entries.flatMap((entry) => entry.names))].filter((name) => present.has(name));
    if (names.length === 0) return { outcome: 'unchanged' };
    await mustRun(host, first.ctr, [...client(first), 'images', 'remove', ...names]);
    return { outcome: 'restored' };
  },
});

function client({ socket }: Pick<ImagesResource, 'socket'>): string[] {
  return ['--address', socket, '--namespace', 'k8s.io'];
}

async function listArchives(host: Host, folder: string): Promise<Observed['archives']> {
  const names = await host.files.list(folder);
  if (names === undefined) return undefined;
  const tars = names.filter((name) => name.endsWith('.tar')).map((name) => `${folder}/${name}`);
  return Promise.all(tars.map(async (path) => ({ path, names: await namesIn(host, path) })));
}

// Both forms that tools save: docker's, and OCI's with the name as an annotation. Entries may begin with `./`.
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

async function listImages(
  host: Host,
  { ctr, socket }: Pick<ImagesResource, 'ctr' | 'socket'>,
): Promise<ReadonlySet<string>> {
  if (!(await host.files.exists(socket))) return new Set();
  const result = await host.processes.run(ctr, [...client({ socket }), 'images', 'list', '--quiet']);
  return new Set(result.exitCode === 0 ? result.stdout.split('\n').filter(Boolean) : []);
}
