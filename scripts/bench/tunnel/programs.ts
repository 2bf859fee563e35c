// ssh and stunnel from the machine, or unpacked from their Debian packages into the cache: nothing is
// installed, so no package can start a service.
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { unpackPackages } from '../../machine/apt.ts';
import { cached } from '../../machine/cache.ts';
import { createProgress } from '../../machine/progress.ts';

const packages = ['openssh-server', 'openssh-client', 'stunnel4', 'libwrap0'];

export interface Program {
  readonly path: string;
  readonly environment: Record<string, string>;
}

/** `path` as Debian has it, e.g. `usr/sbin/sshd`. */
export async function program(path: string): Promise<Program> {
  if (existsSync(`/${path}`)) return { path: `/${path}`, environment: {} };
  const progress = createProgress();
  const root = await cached('benchmark/ssh-stunnel', progress, (staging) =>
    progress.step(`unpacking ${packages.join(' ')}`, () => unpackPackages(packages, staging, progress)),
  );
  const libraries = join(root, 'usr/lib');
  const folders = existsSync(libraries) ? await readdir(libraries) : [];
  const search = folders.map((folder) => join(libraries, folder)).join(':');
  return { path: join(root, path), environment: { LD_LIBRARY_PATH: search } };
}

/** The unpacked libraries that come with a program; none when it is the machine's own. */
export async function librariesOf({ environment }: Program): Promise<string[]> {
  const folders = (environment.LD_LIBRARY_PATH ?? '').split(':').filter(Boolean);
  const found = await Promise.all(
    folders.map(async (folder) => (await readdir(folder)).map((name) => join(folder, name))),
  );
  return found.flat().filter((path) => path.includes('.so.'));
}
