// Drains a node: cordon, then evict every pod that can be moved, and wait until each is gone. Evictions
// that a disruption budget forbids are tried again until the time limit. What stays is named with its
// reason: pods of DaemonSets and mirror pods always do. The eviction's API version is asked of the API
// server (policy/v1 is 1.22's).
import { setTimeout as sleep } from 'node:timers/promises';
import { type DrainResponse, stayReasons } from '../../protocol/messages/join.ts';
import { type NodeObject, nodes, type Pod, pods } from '../kubernetes/kinds.ts';
import { type Kubernetes, KubernetesFailure } from '../kubernetes/kubernetes.ts';
import type { RegisteredNode } from '../resources/registered-node.ts';
import { ownNode } from './own-node.ts';

export interface DrainOptions {
  readonly timeoutMs: number;
  /** Pods that no controller would make again elsewhere are evicted only with this. */
  readonly evictUnmanaged: boolean;
  readonly signal?: AbortSignal;
  readonly progress?: (event: DrainProgress) => void;
  readonly now?: () => number;
  readonly pollMs?: number;
}

export type DrainProgress =
  | { readonly kind: 'cordoned' }
  | { readonly kind: 'evicting'; readonly pods: readonly string[] }
  | { readonly kind: 'gone'; readonly pod: string; readonly left: number }
  | { readonly kind: 'refused'; readonly pod: string; readonly reason: string };

export async function drain(
  kubernetes: Kubernetes,
  registered: RegisteredNode,
  options: DrainOptions,
): Promise<DrainResponse> {
  const nodeName = registered.metadata.name;
  const { progress = () => {}, now = Date.now, pollMs = 1000 } = options;
  const deadline = now() + options.timeoutMs;
  if (!(await cordon(kubernetes, registered))) return { evictedPods: [], remainingPods: [] };
  progress({ kind: 'cordoned' });

  const { evict: waiting, stay } = sortOut(await podsOn(kubernetes, nodeName), options.evictUnmanaged);
  const evictedPods: string[] = [];
  const accepted = new Set<string>();
  const refusals = new Map<string, string>();
  if (waiting.size > 0) progress({ kind: 'evicting', pods: [...waiting.values()].map(podName) });
  const version = waiting.size > 0 ? await evictionVersion(kubernetes) : '';

  for (;;) {
    for (const [uid, pod] of waiting) {
      if (accepted.has(uid)) continue;
      const refusal = await evict(kubernetes, pod, version);
      if (refusal === undefined) {
        accepted.add(uid);
        refusals.delete(uid);
      } else if (refusals.get(uid) !== refusal) {
        refusals.set(uid, refusal);
        progress({ kind: 'refused', pod: podName(pod), reason: refusal });
      }
    }
    const left = new Set((await podsOn(kubernetes, nodeName)).map(({ metadata }) => metadata.uid ?? ''));
    for (const [uid, pod] of waiting) {
      if (left.has(uid)) continue;
      waiting.delete(uid);
      evictedPods.push(podName(pod));
      progress({ kind: 'gone', pod: podName(pod), left: waiting.size });
    }
    if (waiting.size === 0 || now() >= deadline || options.signal?.aborted) break;
    await sleep(pollMs);
  }
  const remainingPods = [...waiting].map(([uid, pod]) => ({
    pod: podName(pod),
    reason: refusals.get(uid) ?? stayReasons.terminating,
  }));
  return { evictedPods, remainingPods: [...stay, ...remainingPods] };
}

/** What a drain would do at this moment: each eviction is asked for without being done. */
export async function planDrain(
  kubernetes: Kubernetes,
  { metadata: { name } }: RegisteredNode,
): Promise<DrainResponse> {
  const { evict: movable, stay } = sortOut(await podsOn(kubernetes, name), true);
  const version = movable.size > 0 ? await evictionVersion(kubernetes) : '';
  const evictedPods: string[] = [];
  for (const pod of movable.values()) {
    const refusal = await evict(kubernetes, pod, version, { dryRun: ['All'] });
    if (refusal === undefined) evictedPods.push(podName(pod));
    else stay.push({ pod: podName(pod), reason: refusal });
  }
  return { evictedPods, remainingPods: stay };
}

/** False when the registration has no Node. */
async function cordon(kubernetes: Kubernetes, registered: RegisteredNode): Promise<boolean> {
  const node = await readOwnNode(kubernetes, registered);
  if (!node) return false;
  if (!node.spec?.unschedulable) await setUnschedulable(kubernetes, node, true);
  return true;
}

/** As the operator wants it to be; what leaves stays cordoned. */
export async function uncordon(kubernetes: Kubernetes, registered: RegisteredNode): Promise<void> {
  if (registered.metadata.deletionTimestamp || registered.spec.unschedulable) return;
  const node = await readOwnNode(kubernetes, registered);
  if (node?.spec?.unschedulable) await setUnschedulable(kubernetes, node, null);
}

async function readOwnNode(
  kubernetes: Kubernetes,
  registered: RegisteredNode,
): Promise<NodeObject | undefined> {
  return ownNode(registered, await kubernetes.get(nodes, registered.metadata.name));
}

async function setUnschedulable(kubernetes: Kubernetes, node: NodeObject, value: true | null): Promise<void> {
  const { name, uid } = node.metadata;
  await kubernetes.patch(nodes, name, { metadata: { uid }, spec: { unschedulable: value } });
}

export function sortOut(
  all: readonly Pod[],
  evictUnmanaged: boolean,
): { evict: Map<string, Pod>; stay: { pod: string; reason: string }[] } {
  const evict = new Map<string, Pod>();
  const stay: { pod: string; reason: string }[] = [];
  for (const pod of all) {
    const owner = pod.metadata.ownerReferences?.find(({ controller }) => controller);
    const finished = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
    const keep = (reason: string) => stay.push({ pod: podName(pod), reason });
    if (isMirror(pod, owner)) keep(stayReasons.mirror);
    else if (owner?.kind === 'DaemonSet') keep(stayReasons.daemonSet);
    else if (!owner && !finished && !evictUnmanaged) keep(stayReasons.unmanaged);
    else evict.set(pod.metadata.uid ?? podName(pod), pod);
  }
  return { evict, stay };
}

/**
 * A kubelet may write annotations of its pods, but not who owns them: a pod that a
 * controller made is no mirror pod.
 */
function isMirror({ metadata }: Pod, owner: { readonly kind: string } | undefined): boolean {
  const isMarked = metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined;
  return isMarked && (owner === undefined || owner.kind === 'Node');
}

/**
 * Of 500 pods, more than a kubelet takes. One that means harm makes mirror pods without end, of a quarter of
 * a megabyte each: then there is no drain, and the node is removed by force.
 */
const podsLimitBytes = 24 * 1024 * 1024;

async function podsOn(kubernetes: Kubernetes, nodeName: string): Promise<readonly Pod[]> {
  const options = { fieldSelector: `spec.nodeName=${nodeName}`, mostBytes: podsLimitBytes };
  return (await kubernetes.list(pods, options)).items;
}

/** As `kubectl drain` does: the subresource's own group and version in the discovery of v1. */
async function evictionVersion(kubernetes: Kubernetes): Promise<string> {
  const discovery = (await kubernetes.request('GET', '/api/v1')) as {
    resources?: readonly { name: string; group?: string; version?: string }[];
  };
  const eviction = discovery.resources?.find(({ name }) => name === 'pods/eviction');
  return `${eviction?.group ?? 'policy'}/${eviction?.version ?? 'v1'}`;
}

/** undefined when the eviction was taken (or the pod is gone), else why not. */
async function evict(
  kubernetes: Kubernetes,
  pod: Pod,
  apiVersion: string,
  deleteOptions: object = {},
): Promise<string | undefined> {
  const { name, namespace = '', uid, deletionTimestamp } = pod.metadata;
  if (deletionTimestamp) return undefined;
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}/eviction`;
  try {
    await kubernetes.request('POST', path, {
      apiVersion,
      kind: 'Eviction',
      metadata: { name, namespace },
      deleteOptions: { ...deleteOptions, preconditions: { uid } },
    });
    return undefined;
  } catch (error) {
    if (!(error instanceof KubernetesFailure)) throw error;
    // 404: gone; 409: another pod has the name by now.
    if (error.status === 404 || error.status === 409) return undefined;
    // Its message names no budget; the cause does, with what it needs and has.
    if (error.status === 429) return error.causes[0] ?? (error.message || 'disruption budget');
    throw error;
  }
}

const podName = ({ metadata }: Pod) => `${metadata.namespace}/${metadata.name}`;
