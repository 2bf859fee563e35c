// Versions to upgrade to: a kubelet that works, one that ends at once, one that runs and never becomes
// Ready, and another containerd. What there is decides: each program is asked for its version, and
// REGNODE_LATER_KUBELET and REGNODE_LATER_CONTAINERD bring others. Made as trees, packed by the
// product's own bundle build.
import { chmod, copyFile, cp, link, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  apiServerVersion,
  kubernetesBinaries,
  kubernetesVersion,
  laterKubeletBinary,
  versionOf,
} from '../../scripts/kubernetes/binaries.ts';
import { nextMinor, patched } from '../../scripts/kubernetes/version-numbers.ts';
import { silentProgress } from '../../scripts/machine/progress.ts';
import type { ExtraTree } from '../../scripts/sandbox/artifact-store.ts';
import { laterContainerd, sandboxSoftware } from '../../scripts/sandbox/software.ts';

export interface Versions {
  /** What the pool begins with. */
  readonly usual: string;
  readonly usualContainerd: string;
  readonly working: string;
  readonly crashing: string;
  readonly neverReady: string;
  readonly containerd: string;
  /** Of a minor version that the API server does not have. */
  readonly tooNew: string;
}

const crashing = `#!/bin/sh
echo "panic: this build of the kubelet is broken" >&2
exit 1
`;

/**
 * The working one, with an API server that isn't there: its healthz is ok, and the cluster never hears of it.
 */
const neverReady = (working: string) => `#!/bin/sh
cat > /run/nowhere.conf <<EOF
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1", insecure-skip-tls-verify: true}}]
users: [{name: u, user: {token: none}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
EOF
exec /opt/regnode/components/kubelet/${working}/bin/kubelet "$@" --kubeconfig=/run/nowhere.conf --bootstrap-kubeconfig=
`;

export interface UpgradeVersions extends AsyncDisposable {
  readonly versions: Versions;
  readonly trees: readonly ExtraTree[];
}

export async function makeUpgradeVersions(): Promise<UpgradeVersions> {
  const later = await laterKubeletBinary(silentProgress);
  const versions = await versionsWith(later);
  const root = await mkdtemp(join(tmpdir(), 'regnode-versions-'));
  const kubelet = async (version: string, write: (path: string) => Promise<void>): Promise<ExtraTree> => {
    const folder = join(root, version);
    await mkdir(join(folder, 'bin'), { recursive: true });
    await write(join(folder, 'bin', 'kubelet'));
    await chmod(join(folder, 'bin', 'kubelet'), 0o755);
    return { component: 'kubelet', version, folder };
  };
  const trees = [
    await kubelet(versions.working, (path) => link(later, path).catch(() => copyFile(later, path))),
    await kubelet(versions.crashing, (path) => writeFile(path, crashing)),
    await kubelet(versions.neverReady, (path) => writeFile(path, neverReady(versions.working))),
    await containerd(join(root, 'containerd'), versions.containerd),
  ];
  return { versions, trees, [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }) };
}

async function versionsWith(laterKubelet: string): Promise<Versions> {
  const kubernetes = await kubernetesBinaries(silentProgress);
  const number = (version: string) => version.replace(/^v/, '');
  const working = number(await versionOf(laterKubelet));
  const { containerdVersion } = await sandboxSoftware(silentProgress);
  return {
    usual: number(await kubernetesVersion(kubernetes)),
    usualContainerd: containerdVersion,
    working,
    crashing: patched(working, 1),
    neverReady: patched(working, 2),
    containerd: (await laterContainerd())?.version ?? patched(containerdVersion, 100),
    tooNew: nextMinor(number(await apiServerVersion(kubernetes))),
  };
}

/** Without a later one the same programs under another version: then what is looked at is the restart. */
async function containerd(folder: string, version: string): Promise<ExtraTree> {
  const from = (await laterContainerd())?.folder ?? (await sandboxSoftware(silentProgress)).containerdFolder;
  await mkdir(join(folder, 'bin'), { recursive: true });
  for (const name of ['containerd', 'containerd-shim-runc-v2', 'ctr']) {
    await cp(join(from, name), join(folder, 'bin', name));
  }
  return { component: 'containerd', version, folder };
}
