// The cluster's control plane in the cloud namespace: etcd, API server, controller manager and scheduler,
// each a daemon of its own. Flags are chosen by what the binaries say their version is. The API server
// reaches kubelets only through a CONNECT proxy on a unix socket, which exists from the gateway's start on.

import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { apiServerVersion } from '../kubernetes/binaries.ts';
import { run } from '../machine/command.ts';
import type { Progress } from '../machine/progress.ts';
import { type KubernetesApi, startApiRelay } from './api.ts';
import { startApiServer } from './api-server.ts';
import { copyTree } from './copy.ts';
import { cloudAddress, cloudMember } from './line.ts';
import { runInNamespace, startDaemon } from './namespaces.ts';
import { createPki } from './pki.ts';
import { waitFor } from './wait.ts';

export const apiServerUrl = `https://${cloudAddress}:6443`;

export interface ControlPlaneFiles {
  readonly folder: string;
  readonly pki: string;
  readonly logs: string;
  readonly auditLog: string;
  readonly egressSocket: string;
}

export const databaseFolder = (cloud: string) => join(cloud, 'etcd');

export interface ControlPlanePrograms {
  readonly kubernetes: string;
  readonly etcd: string;
}

export async function startControlPlane(
  id: string,
  files: ControlPlaneFiles,
  programs: ControlPlanePrograms,
  api: KubernetesApi,
  progress: Progress,
  template?: string,
): Promise<void> {
  await mkdir(files.logs, { recursive: true });
  if (template === undefined) await createPki(files.pki, apiServerUrl);
  else await copyCloud(template, files.folder);
  const minor = Number(/^v1\.(\d+)/.exec(await apiServerVersion(programs.kubernetes))?.[1]);
  const start = (name: string, command: string, args: readonly string[]) =>
    startDaemon(id, cloudMember, command, args, {
      logFile: join(files.logs, `${name}.log`),
      cwd: files.folder,
    });
  const kubernetes = (name: string, args: readonly string[]) =>
    start(name, join(programs.kubernetes, name), args);

  await progress.step('starting etcd and the API server', async () => {
    await start('etcd', programs.etcd, await etcdArguments(files, template));
    await startApiServer(id, files, programs);
    await startApiRelay(id, join(files.logs, 'api-relay.log'));
    await waitForApiServer(files, api);
  });
  await kubernetes('kube-controller-manager', controllerManagerArguments(files, minor));
  await kubernetes('kube-scheduler', schedulerArguments(files));
}

/** Nobody answers before it listens. */
export function waitForApiServer(files: ControlPlaneFiles, api: KubernetesApi): Promise<unknown> {
  const isReady = () =>
    api.ask('/readyz').then(
      ({ text }) => text.trim() === 'ok',
      () => false,
    );
  return waitFor('the API server', isReady, {
    timeoutMs: 180_000,
    intervalMs: 250,
    detail: () => lastLines(join(files.logs, 'kube-apiserver.log')),
  });
}

/**
 * They take some seconds more than the API server; without the default service account no pod can be made.
 */
export async function waitForControllers(files: ControlPlaneFiles, api: KubernetesApi): Promise<void> {
  const account = '/api/v1/namespaces/default/serviceaccounts/default';
  const detail = () => lastLines(join(files.logs, 'kube-controller-manager.log'));
  const areReady = async () => (await api.find(account)) !== undefined;
  await waitFor('the controller manager', areReady, { timeoutMs: 60_000, intervalMs: 500, detail });
}

export function kubectl(
  id: string,
  files: ControlPlaneFiles,
  programs: { readonly kubernetes: string },
  args: readonly string[],
  options: { input?: string; timeoutMs?: number } = {},
) {
  const command = join(programs.kubernetes, 'kubectl');
  return runInNamespace(
    id,
    cloudMember,
    command,
    [`--kubeconfig=${join(files.pki, 'admin.conf')}`, ...args],
    {
      timeoutMs: 60_000,
      allowFailure: true,
      // Its discovery cache must not be shared between sandboxes that have the same addresses.
      environment: { HOME: files.folder },
      ...options,
    },
  );
}

/**
 * The files of a cloud but for its database and its logs: the PKI, and the artifacts that are there already.
 */
export async function copyCloud(from: string, to: string): Promise<void> {
  for (const name of ['pki', 'artifacts']) {
    if (existsSync(join(from, name))) await copyTree(join(from, name), join(to, name));
  }
  const key = 'artifact-key.pem';
  if (existsSync(join(from, key))) await copyFile(join(from, key), join(to, key));
}

async function etcdArguments(files: ControlPlaneFiles, template: string | undefined): Promise<string[]> {
  const data = databaseFolder(files.folder);
  await mkdir(data, { recursive: true });
  // In memory: a test cluster needn't survive the machine, and fsync on a slow disk makes it time out.
  await run('mount', ['-t', 'tmpfs', '-o', 'size=1g,mode=0700', 'regnode-sandbox', data]);
  if (template !== undefined) await copyTree(databaseFolder(template), data);
  return [
    '--name=sandbox',
    `--data-dir=${data}/data`,
    '--listen-client-urls=http://127.0.0.1:2379',
    '--advertise-client-urls=http://127.0.0.1:2379',
    '--listen-peer-urls=http://127.0.0.1:2380',
    '--initial-advertise-peer-urls=http://127.0.0.1:2380',
    '--initial-cluster=sandbox=http://127.0.0.1:2380',
  ];
}

function controllerManagerArguments(files: ControlPlaneFiles, minor: number): string[] {
  const pki = (name: string) => join(files.pki, name);
  return [
    ...kubeconfigArguments(pki('controller-manager.conf')),
    `--root-ca-file=${pki('ca.crt')}`,
    `--service-account-private-key-file=${pki('sa.key')}`,
    `--cluster-signing-cert-file=${pki('ca.crt')}`,
    `--cluster-signing-key-file=${pki('ca.key')}`,
    '--controllers=*,bootstrapsigner,tokencleaner',
    '--use-service-account-credentials=true',
    // The old insecure port was switched off by a flag that later versions don't know any more.
    ...(minor < 24 ? ['--port=0'] : []),
  ];
}

function schedulerArguments(files: ControlPlaneFiles): string[] {
  return kubeconfigArguments(join(files.pki, 'scheduler.conf'));
}

function kubeconfigArguments(path: string): string[] {
  return [
    `--kubeconfig=${path}`,
    `--authentication-kubeconfig=${path}`,
    `--authorization-kubeconfig=${path}`,
    '--leader-elect=false',
    '--bind-address=127.0.0.1',
  ];
}

export async function lastLines(path: string, count = 20): Promise<string> {
  return (await readFile(path, 'utf8')).trimEnd().split('\n').slice(-count).join('\n');
}
