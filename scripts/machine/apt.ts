// Debian packages for the scripts: installs what is missing on the machine, and fetches packages and source
// packages without installing them. Works with a private sources list and index (in the cache, refreshed once
// a day), made from the machine's own configuration: the system's apt files are read and never changed.
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheRoot } from './cache.ts';
import { run } from './command.ts';
import { acquireLock } from './lock.ts';
import type { Progress } from './progress.ts';
import { type AptFile, privateSources } from './sources.ts';

const indexLifetimeMs = 24 * 60 * 60 * 1000;
const environment = { DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' };

/** Names of `packages` that are not installed on the machine. */
export async function missingPackages(packages: readonly string[]): Promise<string[]> {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own placeholders
  const known = await run('dpkg-query', ['-W', '-f=${Package} ${db:Status-Status}\n', ...packages], {
    allowFailure: true,
  });
  const installed = new Set(
    known.stdout
      .split('\n')
      .filter((line) => line.endsWith(' installed'))
      .map((line) => line.split(' ')[0]),
  );
  return packages.filter((name) => !installed.has(name));
}

/** Installs what is missing of `packages`; says which, and how long it took. */
export async function ensurePackages(packages: readonly string[], progress: Progress): Promise<void> {
  const missing = await missingPackages(packages);
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0) {
    throw new Error(
      `root is needed to install ${missing.join(' ')}; or run: apt-get install ${missing.join(' ')}`,
    );
  }
  await withApt(progress, (options) =>
    progress.step(`installing Debian packages ${missing.join(' ')}`, () =>
      run('apt-get', [...options, 'install', '-y', '--no-install-recommends', ...missing], {
        environment,
        timeoutMs: 15 * 60_000,
      }),
    ),
  );
}

/** Downloads packages (`name` or `name=version`) as .deb files into `folder`. */
export async function downloadPackages(
  packages: readonly string[],
  folder: string,
  progress: Progress,
): Promise<void> {
  await withApt(progress, (options) =>
    run('apt-get', [...options, 'download', ...packages], {
      environment,
      cwd: folder,
      timeoutMs: 10 * 60_000,
    }),
  );
}

/** Downloads packages and unpacks them below `root`, without installing anything. */
export async function unpackPackages(
  packages: readonly string[],
  root: string,
  progress: Progress,
): Promise<void> {
  const downloads = join(root, '.debs');
  await mkdir(downloads, { recursive: true });
  await downloadPackages(packages, downloads, progress);
  for (const name of await readdir(downloads)) await run('dpkg', ['-x', join(downloads, name), root]);
  await run('rm', ['-rf', downloads]);
}

/** Downloads the files of a source package (not unpacked) into `folder`. */
export async function downloadSource(name: string, folder: string, progress: Progress): Promise<void> {
  await withApt(progress, (options) =>
    run('apt-get', [...options, 'source', '--download-only', name], {
      environment,
      cwd: folder,
      timeoutMs: 10 * 60_000,
    }),
  );
}

/** The URI and suite of the machine's main Debian archive and its key: what debootstrap needs. */
export async function mainArchive(): Promise<{ uri: string; suite: string; keyring?: string }> {
  const text = privateSources(await readAptFiles());
  for (const stanza of text.split(/\n\n/)) {
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(stanza)?.[1]?.split(' ')[0];
    const suite = field('Suites');
    const uri = field('URIs');
    const keyring = field('Signed-By');
    if (suite === undefined || uri === undefined || /security|updates/.test(suite)) continue;
    return { uri: await resolveMirror(uri), suite, ...(keyring?.startsWith('/') ? { keyring } : {}) };
  }
  throw new Error('no Debian archive in /etc/apt: the sandbox needs one to make its hosts from');
}

/** Debian's cloud images name a file with mirrors, which apt understands and debootstrap doesn't. */
async function resolveMirror(uri: string): Promise<string> {
  const list = /^mirror\+file:(?:\/\/)?(\/.*)$/.exec(uri)?.[1];
  if (list === undefined) return uri;
  const first = (await readFile(list, 'utf8')).split('\n').find((line) => /^https?:/.test(line));
  if (first === undefined) throw new Error(`${list} names no mirror`);
  return first.split(/\s/)[0] ?? first;
}

/** One apt at a time: it has locks of its own, but they make a second caller fail instead of wait. */
async function withApt<T>(progress: Progress, action: (options: string[]) => Promise<T>): Promise<T> {
  const root = join(cacheRoot(), 'apt');
  const lock = await acquireLock(join(cacheRoot(), 'locks', 'apt.lock'), () =>
    progress.line('waiting for another run that uses apt'),
  );
  try {
    const { options, fresh } = await prepare(root, progress, indexLifetimeMs);
    try {
      return await action(options);
    } catch (error) {
      // An index of yesterday may name versions that the mirror has replaced since.
      if (fresh) throw error;
      await prepare(root, progress, 0);
      return await action(options);
    }
  } finally {
    await lock.release();
  }
}

async function prepare(
  root: string,
  progress: Progress,
  lifetimeMs: number,
): Promise<{ options: string[]; fresh: boolean }> {
  const parts = join(root, 'sources.list.d');
  const lists = join(root, 'lists');
  await mkdir(parts, { recursive: true });
  await mkdir(join(lists, 'partial'), { recursive: true });
  const wanted = privateSources(await readAptFiles());
  if (wanted === '')
    throw new Error('no Debian package source in /etc/apt/sources.list or /etc/apt/sources.list.d');
  const sources = join(parts, 'debian.sources');
  const options = [
    ['Dir::Etc::SourceList', '/dev/null'],
    ['Dir::Etc::SourceParts', parts],
    ['Dir::State::Lists', lists],
    // The package caches describe the machine's own lists; ours are built in memory.
    ['Dir::Cache::pkgcache', ''],
    ['Dir::Cache::srcpkgcache', ''],
    ['APT::Sandbox::User', 'root'],
    ['DPkg::Lock::Timeout', '120'],
    ['Acquire::Retries', '3'],
  ].flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const current = existsSync(sources) ? await readFile(sources, 'utf8') : '';
  const stamp = join(root, 'updated');
  const ageMs = existsSync(stamp) ? Date.now() - (await stat(stamp)).mtimeMs : Number.POSITIVE_INFINITY;
  if (current === wanted && ageMs < lifetimeMs) return { options, fresh: false };
  await writeFile(sources, wanted);
  await chmod(sources, 0o644);
  await progress.step('reading the lists of Debian packages', () =>
    run('apt-get', [...options, 'update'], { environment, timeoutMs: 5 * 60_000 }),
  );
  await writeFile(stamp, '');
  return { options, fresh: true };
}

async function readAptFiles(): Promise<AptFile[]> {
  const folder = '/etc/apt/sources.list.d';
  const names = existsSync(folder) ? await readdir(folder) : [];
  const paths = [
    '/etc/apt/sources.list',
    ...names.filter((name) => /\.(?:list|sources)$/.test(name)).map((name) => join(folder, name)),
  ];
  return Promise.all(
    paths
      .filter((path) => existsSync(path))
      .map(async (path) => ({ path, text: await readFile(path, 'utf8') })),
  );
}
