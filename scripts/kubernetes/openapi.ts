// Makes the three zz_generated.openapi.go files that the API server needs and Debian's source package lacks.
// The same inputs as the tree's own makefile, without its many minutes of dependency search.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const vendored = 'vendor/k8s.io/';
/** Every generated file takes these along. */
const apimachinery = [
  'vendor/k8s.io/apimachinery/pkg/apis/meta/v1',
  'vendor/k8s.io/apimachinery/pkg/runtime',
  'vendor/k8s.io/apimachinery/pkg/version',
];

const targets: readonly { output: string; includes: (folder: string) => boolean }[] = [
  {
    output: 'pkg/generated/openapi',
    includes: (folder) => !/^vendor\/k8s\.io\/(?:code-generator|sample-apiserver)\//.test(folder),
  },
  {
    output: 'vendor/k8s.io/kube-aggregator/pkg/generated/openapi',
    includes: (folder) => below([...apimachinery, 'vendor/k8s.io/kube-aggregator'], folder),
  },
  {
    output: 'vendor/k8s.io/apiextensions-apiserver/pkg/generated/openapi',
    includes: (folder) =>
      below([...apimachinery, 'vendor/k8s.io/apiextensions', 'vendor/k8s.io/api/autoscaling/v1'], folder),
  },
];

export async function generateOpenApi(
  tree: string,
  go: (args: readonly string[]) => Promise<unknown>,
): Promise<void> {
  const tagged = await taggedFolders(tree);
  for (const target of targets) {
    const inputs = tagged.filter(target.includes).map((folder) => `k8s.io/kubernetes/${folder}`);
    await go([
      'run',
      './vendor/k8s.io/kube-openapi/cmd/openapi-gen',
      ...['--logtostderr', '-i', inputs.join(','), '-p', `k8s.io/kubernetes/${target.output}`],
      ...['-O', 'zz_generated.openapi', '-h', 'vendor/k8s.io/code-generator/hack/boilerplate.go.txt'],
      ...['-r', join(tree, 'openapi-violations.report')],
    ]);
  }
}

/** Folders with a `+k8s:openapi-gen=` comment, by the path under which the build imports them. */
async function taggedFolders(tree: string): Promise<string[]> {
  const found = new Set<string>();
  for (const root of ['cmd', 'pkg', 'plugin', 'staging/src/k8s.io']) {
    for (const entry of await readdir(join(tree, root), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !entry.name.endsWith('.go') || entry.name.endsWith('_test.go')) continue;
      const text = await readFile(join(entry.parentPath, entry.name), 'utf8');
      if (!text.includes('+k8s:openapi-gen=')) continue;
      const folder = entry.parentPath.slice(tree.length + 1);
      found.add(folder.replace(/^staging\/src\/k8s\.io\//, vendored));
    }
  }
  return [...found].sort();
}

function below(roots: readonly string[], folder: string): boolean {
  return roots.some((root) => folder === root || folder.startsWith(`${root}/`));
}
