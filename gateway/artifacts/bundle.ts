// Makes an artifact store from a folder DIR/<component>/<version>/<architecture>/: an upstream archive there
// is taken as it is (its sha256 stays the one that upstream publishes), anything else becomes one tar.gz. The
// same trees give the same bytes (sorted names, no times, owner 0), so a bundle that is made again changes no
// hash, and no host. The manifest is written last, signed when there is a key.
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { copyFile, mkdir, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { execa } from 'execa';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { type Artifact, artifactSchema } from '../../protocol/messages/desired.ts';
import { type Manifest, type ManifestEntry, manifestEntrySchema } from '../../protocol/messages/manifest.ts';
import { installersOf, putInstaller } from './installer.ts';
import { type Issue, issueManifest } from './issue.ts';
import { licenceOf } from './licences.ts';
import { replaceFile } from './replace-file.ts';
import type { Source } from './source.ts';
import { readUpstream } from './upstream.ts';

export interface BundleOptions extends Issue {
  readonly from: string;
  readonly out: string;
  /** Ready-made archive `regnode-<version>-linux-<architecture>.tar.gz` of the agent. */
  readonly agent?: string;
  /** install.sh; default: the one of this checkout. */
  readonly installScript?: string;
  /** 1 fast … 9 small. */
  readonly level?: number;
  readonly progress?: (artifact: Artifact, milliseconds: number) => void;
}

const components = artifactSchema.shape.component.options;
const architectures = artifactSchema.shape.architecture.options;

export async function buildBundle(options: BundleOptions): Promise<Manifest> {
  const sources = [
    ...(await findTrees(options.from)),
    ...(await readUpstream(options.from)),
    ...(options.agent ? [await agentSource(options.agent)] : []),
  ];
  if (sources.length === 0)
    throw new Fault('BUNDLE_INVALID', { path: options.from, detail: 'there is nothing in it' });
  await mkdir(options.out, { recursive: true });
  const artifacts: ManifestEntry[] = [];
  for (const source of sources) {
    const startedMs = Date.now();
    const artifact = await pack(source, options);
    artifacts.push(artifact);
    options.progress?.(artifact, Date.now() - startedMs);
  }
  const installers = await putInstaller(options.out, await installersOf(options.out), options.installScript);
  return issueManifest(options.out, { artifacts, installers }, options);
}

async function findTrees(from: string): Promise<Source[]> {
  const sources: Source[] = [];
  for (const component of await folders(from)) {
    const known = components.find((name) => name === component);
    if (!known) {
      throw invalid(join(from, component), `no component has this name (known: ${components.join(', ')})`);
    }
    for (const version of await folders(join(from, component))) {
      for (const name of await folders(join(from, component, version))) {
        const path = join(from, component, version, name);
        const architecture = architectures.find((candidate) => candidate === name);
        if (!architecture) throw invalid(path, `not an architecture (known: ${architectures.join(', ')})`);
        const licence = await licenceOf(known, join(from, component, version));
        const names = await readdir(path);
        const [only = ''] = names;
        if (only === '') throw invalid(path, 'the tree is empty');
        const packed = names.length === 1 && /\.(?:tar\.gz|tgz)$/.test(only);
        const place = packed ? join(path, only) : path;
        sources.push({ component: known, version, architecture, path: place, packed, licence });
      }
    }
  }
  return sources;
}

async function folders(path: string): Promise<string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .sort();
  } catch (cause) {
    throw new Fault('BUNDLE_INVALID', { path, detail: 'it cannot be read' }, { cause });
  }
}

async function agentSource(path: string): Promise<Source> {
  const [, version, name] = /^regnode-(.+)-linux-(amd64|arm64)\.tar\.gz$/.exec(basename(path)) ?? [];
  const architecture = architectures.find((candidate) => candidate === name);
  if (!version || !architecture)
    throw invalid(path, 'its name is not regnode-VERSION-linux-ARCHITECTURE.tar.gz');
  if (!(await stat(path).catch(() => undefined))?.isFile()) throw invalid(path, 'there is no such file');
  return { component: 'agent', version, architecture, path, packed: true, licence: await licenceOf('agent') };
}

async function pack(source: Source, { out, level = 6 }: BundleOptions): Promise<ManifestEntry> {
  const { component, version, architecture, licence } = source;
  const name = `${component}-${version}-${architecture}.tar.gz`;
  const file = join(out, name);
  await replaceFile(file, async (path) => {
    if (source.packed) await copyFile(source.path, path);
    else await packTree(source.path, path, level);
  });
  const parsed = manifestEntrySchema.safeParse({
    component,
    version,
    architecture,
    path: `/artifacts/${name}`,
    sizeBytes: (await stat(file)).size,
    sha256: await sha256Of(file),
    licence,
  });
  if (!parsed.success) throw invalid(source.path, parsed.error.issues[0]?.message ?? 'invalid');
  return parsed.data;
}

async function packTree(tree: string, file: string, level: number): Promise<void> {
  // Named one by one, so that the archive says nothing about the folder that it will be unpacked into.
  const names = (await readdir(tree)).sort().map((name) => `./${name}`);
  const flags = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', '--format=gnu'];
  const tar = execa('tar', [...flags, '-C', tree, '-cf', '-', '--', ...names], { buffer: { stdout: false } });
  // gzip's header as node writes it holds neither a time nor a name.
  await Promise.all([pipeline(tar.stdout, createGzip({ level }), createWriteStream(file)), tar]);
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

const invalid = (path: string, detail: string) => new Fault('BUNDLE_INVALID', { path, detail });
