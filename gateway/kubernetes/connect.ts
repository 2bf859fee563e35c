// Finds the kubeconfig (an explicit file, $KUBECONFIG, the pod's service account, ~/.kube/config) and makes
// the client. Errors name the file; no credential is ever shown.
import { access, readFile } from 'node:fs/promises';
import { delimiter } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { createKubernetes } from './client.ts';
import type { Kubernetes } from './kubernetes.ts';

export interface ClusterConnection {
  readonly kubernetes: Kubernetes;
  /** As the kubeconfig gives it, and what nodes are told unless --api-server-url says otherwise. */
  readonly apiServerUrl: string;
  /** The CA of the API server, PEM: nodes get it with their bootstrap token. */
  readonly apiServerCaPem: string;
}

export async function connectCluster(file: string | undefined): Promise<ClusterConnection> {
  // Loading this library takes a third of a second, so --help and completion do without it.
  const { KubeConfig: Config } = await import('@kubernetes/client-node');
  const config = new Config();
  const path = file ?? process.env.KUBECONFIG ?? 'default';
  try {
    const listed = file ? [] : await listedFiles(process.env.KUBECONFIG);
    if (file) config.loadFromString(await readFile(file, 'utf8'));
    else if (listed.length === 0) config.loadFromDefault();
    for (const one of listed) {
      const next = new Config();
      next.loadFromFile(one);
      merge(config, next);
    }
    if (file)
      config.makePathsAbsolute(
        new URL('.', `file://${file.startsWith('/') ? '' : `${process.cwd()}/`}${file}`).pathname,
      );
  } catch (cause) {
    throw new Fault('KUBECONFIG_INVALID', { path, detail: firstLine(cause) }, { cause });
  }
  const cluster = config.getCurrentCluster();
  if (!cluster) throw new Fault('KUBECONFIG_INVALID', { path, detail: 'it has no current context' });
  if (!cluster.server?.startsWith('https://')) {
    throw new Fault('KUBECONFIG_INVALID', { path, detail: `the server "${cluster.server}" is no https URL` });
  }
  try {
    return {
      kubernetes: createKubernetes(config),
      apiServerUrl: cluster.server.replace(/\/+$/, ''),
      apiServerCaPem: cluster.caData
        ? Buffer.from(cluster.caData, 'base64').toString('utf8')
        : cluster.caFile
          ? await readFile(cluster.caFile, 'utf8')
          : '',
    };
  } catch (cause) {
    throw new Fault('KUBECONFIG_INVALID', { path, detail: firstLine(cause) }, { cause });
  }
}

function firstLine(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).split('\n')[0] ?? '';
}

/** As kubectl takes $KUBECONFIG: a list of files, of which those that are not there are passed over. */
async function listedFiles(variable: string | undefined): Promise<readonly string[]> {
  const files = (variable ?? '').split(delimiter).filter((one) => one !== '');
  const there = await Promise.all(
    files.map((one) =>
      access(one).then(
        () => [one],
        () => [],
      ),
    ),
  );
  if (files.length > 0 && there.flat().length === 0) throw new Error('there is no such file');
  return there.flat();
}

/** What comes first holds, name by name. */
function merge(config: KubeConfig, next: KubeConfig): void {
  const added = <T extends { readonly name: string }>(
    known: readonly T[] = [],
    more: readonly T[] = [],
  ): T[] => [...known, ...more.filter(({ name }) => !known.some((one) => one.name === name))];
  config.clusters = added(config.clusters, next.clusters);
  config.users = added(config.users, next.users);
  config.contexts = added(config.contexts, next.contexts);
  if (!config.currentContext) config.setCurrentContext(next.getCurrentContext());
}
