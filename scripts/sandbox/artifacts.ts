// The tree from which `regnode-gateway bundle build` makes the artifact store of a sandbox:
// <folder>/<component>/<version>/amd64/… with containerd, runc, kubelet, the CNI plugins and
// images. A component's programs are in bin/ of its tree (the CNI plugins at its top), as in the
// archives of their own releases.
import { copyFile, mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { kubernetesVersion } from '../kubernetes/binaries.ts';
import type { Progress } from '../machine/progress.ts';
import { writeBusyboxImage, writePauseImage } from './images.ts';
import { sandboxSoftware } from './software.ts';

const architecture = 'amd64';
/**
 * What a host's network names (root.ts), and one that nobody calls. Each join unpacks, hashes and writes them
 * all, and the dozen others are as much again as the kubelet.
 */
const plugins = ['bridge', 'host-local', 'loopback', 'portmap', 'tuning'];

/** Writes the tree for the Kubernetes binaries in `kubernetes`. */
export async function buildArtifactTree(
  folder: string,
  kubernetes: string,
  progress: Progress,
): Promise<void> {
  const software = await sandboxSoftware(progress);
  const tree = async (component: string, version: string, below = '') => {
    const place = join(folder, component, version, architecture, below);
    await mkdir(place, { recursive: true });
    return place;
  };
  const copy = async (place: string, files: readonly string[]) => {
    for (const file of files) await copyFile(file, join(place, basename(file)));
  };

  await copy(
    await tree('containerd', software.containerdVersion, 'bin'),
    ['containerd', 'containerd-shim-runc-v2', 'ctr'].map((name) => join(software.containerdFolder, name)),
  );
  await copy(await tree('runc', software.runcVersion, 'bin'), [software.runc]);
  const kubeletVersion = (await kubernetesVersion(kubernetes)).replace(/^v/, '');
  await copy(await tree('kubelet', kubeletVersion, 'bin'), [join(kubernetes, 'kubelet')]);
  await copy(
    await tree('cni-plugins', software.cniVersion),
    plugins.map((name) => join(software.cniFolder, name)),
  );
  await writePauseImage(join(await tree('images', 'pause-1'), 'pause.tar'));
  await writeBusyboxImage(join(await tree('images', 'busybox-1'), 'busybox.tar'), software.busybox);
}
