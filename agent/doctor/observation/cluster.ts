// The cluster as this node may see it: asked with the kubelet's own certificate, by the way
// that the kubelet takes. Only what the Node authorizer allows anyway: the node's own object
// and the pods that are bound to it.

import { z } from 'zod';
import { apiServerListenAddress } from '../../../protocol/tunnel/targets.ts';
import { clusterInUse } from '../../components/cluster.ts';
import { paths } from '../../config/paths.ts';
import type { GetAnswer, Host } from '../../host/host.ts';
import type { JoinedNode } from '../../state/joined-node.ts';

export const kubeletCertificate = `${paths.kubeletData}/pki/kubelet-client-current.pem`;
const clusterTimeoutMs = 4000;

const conditionSchema = z.object({
  type: z.string(),
  status: z.string(),
  reason: z.string().optional(),
  message: z.string().optional(),
});
const nodeSchema = z.object({ status: z.object({ conditions: z.array(conditionSchema).default([]) }) });
const containerSchema = z.object({
  image: z.string().default(''),
  restartCount: z.number().default(0),
  state: z
    .object({
      waiting: z.object({ reason: z.string().default(''), message: z.string().default('') }).optional(),
    })
    .default({}),
});
const podSchema = z.object({
  metadata: z.object({ name: z.string(), namespace: z.string(), creationTimestamp: z.string() }),
  status: z.object({
    phase: z.string().default(''),
    reason: z.string().default(''),
    containerStatuses: z.array(containerSchema).default([]),
    initContainerStatuses: z.array(containerSchema).default([]),
  }),
});

export type Condition = z.infer<typeof conditionSchema>;
export type Pod = z.infer<typeof podSchema>;

/** Where the kubelet finds the API server, and whose certificate it expects there. */
export function apiServerTarget({ state }: JoinedNode): { url: string; serverName?: string } {
  const own = new URL(clusterInUse(state).apiServerUrl);
  if (state.desired.apiServerAccess === 'direct') return { url: own.origin };
  const { host, port } = apiServerListenAddress;
  return { url: `https://${host}:${port}`, serverName: own.hostname.replace(/^\[|\]$/g, '') };
}

/** Throws the system's error; with `asKubelet` and no certificate the code is ENOENT. */
export async function askCluster(
  host: Host,
  node: JoinedNode,
  path: string,
  asKubelet: boolean,
): Promise<GetAnswer> {
  const { url, serverName } = apiServerTarget(node);
  const pem = asKubelet ? await host.files.readText(kubeletCertificate) : undefined;
  if (asKubelet && pem === undefined) {
    throw Object.assign(new Error(`there is no ${kubeletCertificate}`), { code: 'ENOENT' });
  }
  return host.network.get(`${url}${path}`, {
    timeoutMs: clusterTimeoutMs,
    caPem: clusterInUse(node.state).caPem,
    ...(serverName !== undefined && { serverName }),
    ...(pem !== undefined && { certificatePem: pem, keyPem: pem }),
    limitBytes: 16 * 1024 * 1024,
  });
}

export function nodePath({ state }: JoinedNode): string {
  return `/api/v1/nodes/${encodeURIComponent(state.identity.nodeName)}`;
}

export async function readConditions(
  host: Host,
  node: JoinedNode,
): Promise<readonly Condition[] | undefined> {
  const { status, body } = await askCluster(host, node, nodePath(node), true);
  return status === 200 ? nodeSchema.parse(JSON.parse(body)).status.conditions : undefined;
}

export async function readPods(host: Host, node: JoinedNode): Promise<readonly Pod[] | undefined> {
  const selector = encodeURIComponent(`spec.nodeName=${node.state.identity.nodeName}`);
  const { status, body } = await askCluster(host, node, `/api/v1/pods?fieldSelector=${selector}`, true);
  return status === 200 ? z.object({ items: z.array(podSchema) }).parse(JSON.parse(body)).items : undefined;
}

/** As texts name a pod, and as kubectl takes it. */
export function namesOf({ metadata: { namespace, name } }: Pod) {
  return { pod: `${namespace}/${name}`, namespace, name };
}

/** What its containers wait for, those of its beginning first. */
export function waitings({ status }: Pod): readonly { image: string; reason: string; message: string }[] {
  return [...status.initContainerStatuses, ...status.containerStatuses].flatMap(({ image, state }) =>
    state.waiting === undefined ? [] : [{ image, ...state.waiting }],
  );
}
