// The programs that a sandbox runs and serves besides Kubernetes: etcd, containerd, runc, the CNI plugins and
// busybox. From the folders REGNODE_ETCD_BIN and REGNODE_CONTAINERD_BIN, else from Debian's packages unpacked
// into the cache: never installed, so no daemon of theirs starts on the machine.
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { downloadPackages } from '../machine/apt.ts';
import { cached } from '../machine/cache.ts';
import { output, run } from '../machine/command.ts';
import type { Progress } from '../machine/progress.ts';

const packages = ['etcd-server', 'containerd', 'runc', 'containernetworking-plugins', 'busybox-static'];

export interface Software {
  readonly etcd: string;
  /** Folder with containerd, ctr and containerd-shim-runc-v2. */
  readonly containerdFolder: string;
  readonly containerdVersion: string;
  readonly runc: string;
  readonly runcVersion: string;
  readonly cniFolder: string;
  readonly cniVersion: string;
  /** Statically linked. */
  readonly busybox: string;
}

export async function sandboxSoftware(progress: Progress): Promise<Software> {
  const root = await cached('debian-packages/1', progress, (staging) =>
    progress.step(`fetching Debian packages ${packages.join(' ')}`, () =>
      unpackWithVersions(staging, progress),
    ),
  );
  const containerdFolder = process.env.REGNODE_CONTAINERD_BIN || join(root, 'usr/bin');
  const etcdFolder = process.env.REGNODE_ETCD_BIN || join(root, 'usr/bin');
  const runc = join(root, 'usr/sbin/runc');
  for (const path of [
    join(etcdFolder, 'etcd'),
    ...['containerd', 'ctr', 'containerd-shim-runc-v2'].map((name) => join(containerdFolder, name)),
  ]) {
    if (!existsSync(path))
      throw new Error(`${path} is missing; see REGNODE_CONTAINERD_BIN and REGNODE_ETCD_BIN`);
  }
  return {
    etcd: join(etcdFolder, 'etcd'),
    containerdFolder,
    containerdVersion: versionIn(await output(join(containerdFolder, 'containerd'), ['--version'])),
    runc,
    runcVersion: versionIn(await output(runc, ['--version'])),
    cniFolder: join(root, 'usr/lib/cni'),
    // Debian's plugins don't know their own version; the package does.
    cniVersion: versionIn(await readFile(join(root, 'versions', 'containernetworking-plugins'), 'utf8')),
    busybox: join(root, 'bin/busybox'),
  };
}

/**
 * A later containerd: what an upgrade goes to, from the folder REGNODE_LATER_CONTAINERD; undefined: the same
 * programs have to do under another version.
 */
export async function laterContainerd(): Promise<{ folder: string; version: string } | undefined> {
  const folder = process.env.REGNODE_LATER_CONTAINERD;
  if (!folder) return undefined;
  return { folder, version: versionIn(await output(join(folder, 'containerd'), ['--version'])) };
}

async function unpackWithVersions(staging: string, progress: Progress): Promise<void> {
  const downloads = join(staging, 'debs');
  await mkdir(downloads);
  await mkdir(join(staging, 'versions'));
  await downloadPackages(packages, downloads, progress);
  for (const file of await readdir(downloads)) {
    const path = join(downloads, file);
    const name = await output('dpkg-deb', ['--field', path, 'Package']);
    await writeFile(join(staging, 'versions', name), await output('dpkg-deb', ['--field', path, 'Version']));
    await run('dpkg', ['-x', path, staging]);
  }
  await run('rm', ['-rf', downloads]);
}

function versionIn(text: string): string {
  const version = /\d+\.\d+\.\d+/.exec(text)?.[0];
  if (version === undefined) throw new Error(`no version in: ${text}`);
  return version;
}
