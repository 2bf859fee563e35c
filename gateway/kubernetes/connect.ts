// Finds the kubeconfig (an explicit file, $KUBECONFIG, the pod's service account, ~/.kube/config) and makes
// the client. Errors name the file; no credential is ever shown.
import { readFile } from 'node:fs/promises';
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
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  const path = file ?? process.env.KUBECONFIG ?? 'default';
  try {
    if (file) config.loadFromString(await readFile(file, 'utf8'));
    else config.loadFromDefault();
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
