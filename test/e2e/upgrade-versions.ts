// Versions to upgrade to: a kubelet that works, one that ends at once, one that runs and never becomes Ready,
// and a containerd of another version. Made as trees, packed by the product's own bundle build.
import { chmod, copyFile, cp, link, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { laterKubeletBinary } from '../../scripts/kubernetes/binaries.ts';
import { silentProgress } from '../../scripts/machine/progress.ts';
import type { ExtraTree } from '../../scripts/sandbox/artifact-store.ts';
import { sandboxSoftware } from '../../scripts/sandbox/software.ts';

export const versions = {
  working: '1.20.3',
  crashing: '1.20.4',
  neverReady: '1.20.5',
  containerd: '1.6.99',
} as const;

const crashing = `#!/bin/sh
echo "panic: this build of the kubelet is broken" >&2
exit 1
`;

/**
 * The working one, with an API server that isn't there: its healthz is ok, and the cluster never hears of it.
 */
const neverReady = `#!/bin/sh
cat > /run/nowhere.conf <<EOF
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1", insecure-skip-tls-verify: true}}]
users: [{name: u, user: {token: none}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
EOF
exec /opt/regnode/components/kubelet/${versions.working}/bin/kubelet "$@" --kubeconfig=/run/nowhere.conf --bootstrap-kubeconfig=
`;

export interface UpgradeVersions extends AsyncDisposable {
  readonly trees: readonly ExtraTree[];
}

export async function makeUpgradeVersions(): Promise<UpgradeVersions> {
  const root = await mkdtemp(join(tmpdir(), 'regnode-versions-'));
  const kubelet = async (version: string, write: (path: string) => Promise<void>): Promise<ExtraTree> => {
    const folder = join(root, version);
    await mkdir(join(folder, 'bin'), { recursive: true });
    await write(join(folder, 'bin', 'kubelet'));
    await chmod(join(folder, 'bin', 'kubelet'), 0o755);
    return { component: 'kubelet', version, folder };
  };
  const later = await laterKubeletBinary(silentProgress);
  const trees = [
    await kubelet(versions.working, (path) => link(later, path).catch(() => copyFile(later, path))),
    await kubelet(versions.crashing, (path) => writeFile(path, crashing)),
    await kubelet(versions.neverReady, (path) => writeFile(path, neverReady)),
    await containerd(join(root, 'containerd')),
  ];
  return { trees, [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }) };
}

/** The same programs under another version: what is looked at is that pods survive the restart. */
async function containerd(folder: string): Promise<ExtraTree> {
  const { containerdFolder } = await sandboxSoftware(silentProgress);
  await mkdir(join(folder, 'bin'), { recursive: true });
  for (const name of ['containerd', 'containerd-shim-runc-v2', 'ctr']) {
    await cp(join(containerdFolder, name), join(folder, 'bin', name));
  }
  return { component: 'containerd', version: versions.containerd, folder };
}
