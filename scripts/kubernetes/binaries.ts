// Where the Kubernetes binaries come from, in this order: the folder REGNODE_KUBERNETES_BIN → the cache → the
// official release with its sha256 → a build from Debian's source package. The last two end in the same cache
// entry, so what runs afterwards is the same version either way.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cached } from '../machine/cache.ts';
import { output } from '../machine/command.ts';
import type { Progress } from '../machine/progress.ts';
import { downloadRelease, NotReachable } from './release.ts';
import { buildFromSource, buildLaterKubelet, laterKubelet, laterVersion, sourceVersion } from './source.ts';

const binaryNames = [
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
  'kube-proxy',
  'kubectl',
] as const;

/** The version when nothing else is asked for: the one that Debian 12 has the source of. */
const defaultVersion = sourceVersion;

/** The folder that holds all of `binaryNames`. */
export async function kubernetesBinaries(progress: Progress): Promise<string> {
  const given = process.env.REGNODE_KUBERNETES_BIN;
  if (given) return checkFolder(given);
  const version = process.env.REGNODE_KUBERNETES_VERSION || defaultVersion;
  const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';
  return cached(`kubernetes/${version}-${architecture}`, progress, async (staging) => {
    try {
      await downloadRelease({ version, architecture, names: binaryNames, folder: staging, progress });
      return;
    } catch (error) {
      if (!(error instanceof NotReachable)) throw error;
      progress.line(error.message);
    }
    if (version !== sourceVersion) {
      throw new Error(
        `Kubernetes ${version} can't be downloaded here, and Debian's source package is ${sourceVersion}. ` +
          'Set REGNODE_KUBERNETES_BIN to a folder with its binaries, or unset REGNODE_KUBERNETES_VERSION.',
      );
    }
    await buildFromSource(staging, progress);
  });
}

/**
 * A later kubelet: what an upgrade goes to. From REGNODE_LATER_KUBELET (of any version up to the API
 * server's), else one that says that it is a patch release later than Debian's source, which was built with
 * the others or is built alone.
 */
export async function laterKubeletBinary(progress: Progress): Promise<string> {
  const given = process.env.REGNODE_LATER_KUBELET;
  if (given) return given;
  const beside = join(await kubernetesBinaries(progress), laterKubelet);
  if (existsSync(beside)) return beside;
  const folder = await cached(`kubernetes/kubelet-${laterVersion}-${process.arch}`, progress, (staging) =>
    buildLaterKubelet(staging, progress),
  );
  return join(folder, laterKubelet);
}

/** `v1.20.2`, as the kubelet itself says: what hosts install. */
export function kubernetesVersion(folder: string): Promise<string> {
  return versionOf(join(folder, 'kubelet'));
}

/** It may be a later minor version than the kubelet of the same folder. */
export function apiServerVersion(folder: string): Promise<string> {
  return versionOf(join(folder, 'kube-apiserver'));
}

/** What a program of Kubernetes says of itself. */
export async function versionOf(program: string): Promise<string> {
  const said = await output(program, ['--version'], { timeoutMs: 20_000 });
  const version = /v\d+\.\d+\.\d+/.exec(said)?.[0];
  if (version === undefined) throw new Error(`${program} --version says: ${said}`);
  return version;
}

function checkFolder(folder: string): string {
  const missing = binaryNames.filter((name) => !existsSync(join(folder, name)));
  if (missing.length > 0) throw new Error(`REGNODE_KUBERNETES_BIN=${folder} has no ${missing.join(', ')}`);
  return folder;
}
