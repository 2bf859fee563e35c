// Builds Kubernetes 1.20.2 from Debian 12's source package with Debian's own Go: the way for a machine
// that reaches nothing but a Debian mirror. 4 to 7 minutes on two cores. A build that was interrupted
// goes on where it was, by Go's cache in ours; when it has succeeded, the tree and Go's cache are
// removed. For tests of upgrades the same kubelet is linked once more under a later version: seconds
// beside the others, minutes alone.
import { cp, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { downloadSource, ensurePackages, unpackPackages } from '../machine/apt.ts';
import { cacheRoot } from '../machine/cache.ts';
import { type CommandOptions, run } from '../machine/command.ts';
import type { Progress } from '../machine/progress.ts';
import { generateOpenApi } from './openapi.ts';

/** What Debian calls 1.20.5+really1.20.2. */
export const sourceVersion = 'v1.20.2';
/** The version that the same source's kubelet says when it is linked once more. */
export const laterVersion = 'v1.20.3';
export const laterKubelet = `kubelet-${laterVersion}`;

const parallelism = 2;
const buildTimeoutMs = 60 * 60_000;
const builtNames = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubelet', 'kube-proxy'];
const reflect2 = 'github.com/modern-go/reflect2';

type Go = (args: readonly string[]) => Promise<unknown>;

/** Everything that a cluster needs, and the kubelet of `laterVersion`. */
export async function buildFromSource(folder: string, progress: Progress): Promise<void> {
  progress.line(`Kubernetes ${sourceVersion} is built from Debian's source package: about 7 minutes, 3 GB`);
  await withSource(folder, progress, async ({ tree, work, go }) => {
    await progress.step('generating the OpenAPI definitions', () => generateOpenApi(tree, go));
    for (const name of builtNames) {
      await progress.step(`building ${name}`, () => build(go, name, sourceVersion, join(folder, name)));
    }
    await progress.step(`building the kubelet as ${laterVersion}`, () =>
      build(go, 'kubelet', laterVersion, join(folder, laterKubelet)),
    );
    await kubectlFromDebian(work, folder, progress);
  });
}

/** Only the kubelet of `laterVersion`, where the rest is there already. */
export async function buildLaterKubelet(folder: string, progress: Progress): Promise<void> {
  progress.line(`the kubelet is built from Debian's source package as ${laterVersion}: about 4 minutes`);
  await withSource(folder, progress, async ({ go }) => {
    await progress.step(`building the kubelet as ${laterVersion}`, () =>
      build(go, 'kubelet', laterVersion, join(folder, laterKubelet)),
    );
  });
}

async function withSource(
  folder: string,
  progress: Progress,
  action: (source: { tree: string; work: string; go: Go }) => Promise<void>,
): Promise<void> {
  await ensurePackages(['golang-go', 'dpkg-dev', 'xz-utils', 'patch'], progress);
  const work = join(folder, 'work');
  const goPath = join(work, 'go');
  const tree = join(goPath, 'src', 'k8s.io', 'kubernetes');
  await mkdir(join(goPath, 'src', 'k8s.io'), { recursive: true });
  await progress.step('fetching the source of Kubernetes', async () => {
    await downloadSource('kubernetes', work, progress);
    const dsc = (await readdir(work)).find((name) => name.endsWith('.dsc'));
    if (!dsc?.includes(sourceVersion.slice(1))) {
      throw new Error(
        `Debian's source package is ${dsc ?? 'missing'} here; what can be built is ${sourceVersion}, of Debian 12. ` +
          'Set REGNODE_KUBERNETES_BIN to a folder with the binaries.',
      );
    }
    await run('dpkg-source', ['--no-check', '-x', join(work, dsc), tree]);
  });
  await replaceReflect2(work, tree, progress);
  await action({ tree, work, go: (args) => run('nice', ['go', ...args], goOptions(tree, goPath)) });
  await rm(work, { recursive: true, force: true });
  await rm(goCache(), { recursive: true, force: true });
}

function build(go: Go, name: string, version: string, out: string): Promise<unknown> {
  const flags = ['-p', String(parallelism), '-ldflags', linkerFlags(version)];
  return go(['build', ...flags, '-o', out, `./cmd/${name}`]);
}

function goCache(): string {
  return join(cacheRoot(), 'go-build');
}

/**
 * The vendored reflect2 reaches into the runtime of Go < 1.18: with a newer Go the API server starts and then
 * crashes on the first custom resource. Debian packages a version that knows both.
 */
async function replaceReflect2(work: string, tree: string, progress: Progress): Promise<void> {
  const unpacked = join(work, 'reflect2');
  await mkdir(unpacked);
  await unpackPackages(['golang-github-modern-go-reflect2-dev'], unpacked, progress);
  const vendored = join(tree, 'vendor', reflect2);
  await rm(vendored, { recursive: true });
  await cp(join(unpacked, 'usr/share/gocode/src', reflect2), vendored, { recursive: true });
}

function goOptions(tree: string, goPath: string): CommandOptions {
  return {
    cwd: tree,
    timeoutMs: buildTimeoutMs,
    environment: {
      GOPATH: goPath,
      GO111MODULE: 'off',
      CGO_ENABLED: '0',
      GOFLAGS: '',
      GOMAXPROCS: String(parallelism),
      GOCACHE: goCache(),
      GOTMPDIR: goPath,
    },
  };
}

/** Both packages keep a version of their own; without it the API server says v0.0.0 and clients refuse it. */
function linkerFlags(version: string): string {
  const [, major = '', minor = ''] = /^v(\d+)\.(\d+)/.exec(version) ?? [];
  const flags = ['component-base/version', 'client-go/pkg/version'].flatMap((path) => {
    const prefix = `k8s.io/kubernetes/vendor/k8s.io/${path}`;
    return [
      `-X ${prefix}.gitVersion=${version}`,
      `-X ${prefix}.gitMajor=${major}`,
      `-X ${prefix}.gitMinor=${minor}`,
      `-X ${prefix}.gitTreeState=clean`,
    ];
  });
  return ['-s -w', ...flags].join(' ');
}

/** Debian ships this one binary ready-made. */
async function kubectlFromDebian(work: string, folder: string, progress: Progress): Promise<void> {
  const unpacked = join(work, 'client');
  await mkdir(unpacked);
  await unpackPackages(['kubernetes-client'], unpacked, progress);
  await cp(join(unpacked, 'usr/bin/kubectl'), join(folder, 'kubectl'));
}
