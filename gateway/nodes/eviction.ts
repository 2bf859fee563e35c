// One pod of a node that is drained: whether it is to go, and its eviction, whose refusal is a reason in
// words and never an error. The eviction's API version is asked of the API server (policy/v1 is 1.22's).
import { Fault } from '../../protocol/catalogue/fault.ts';
import { stayReasons } from '../../protocol/messages/join.ts';
import { type Pod, pods } from '../kubernetes/kinds.ts';
import { type Kubernetes, KubernetesFailure } from '../kubernetes/kubernetes.ts';

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

export async function podsOn(kubernetes: Kubernetes, nodeName: string): Promise<readonly Pod[]> {
  const options = { fieldSelector: `spec.nodeName=${nodeName}`, mostBytes: podsLimitBytes };
  return (await kubernetes.list(pods, options)).items;
}

/** As `kubectl drain` does: the subresource's own group and version in the discovery of v1. */
export async function evictionVersion(kubernetes: Kubernetes): Promise<string> {
  const discovery = (await kubernetes.request('GET', '/api/v1')) as {
    resources?: readonly { name: string; group?: string; version?: string }[];
  };
  const eviction = discovery.resources?.find(({ name }) => name === 'pods/eviction');
  return `${eviction?.group ?? 'policy'}/${eviction?.version ?? 'v1'}`;
}

/** undefined when the eviction was taken (or the pod is gone), else why not. */
export async function evict(
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
    // The API server can't be reached: so it is with this pod, for now.
    if (error instanceof Fault) return shown(error.message);
    if (!(error instanceof KubernetesFailure)) throw error;
    // 404: gone; 409: another pod has the name by now.
    if (error.status === 404 || error.status === 409) return undefined;
    // Its message names no budget; the cause does, with what it needs and has.
    if (error.status === 429) return shown(error.causes[0] ?? (error.message || 'disruption budget'));
    // A webhook that forbids it or is broken, a right that is missing: the word of
    // somebody who may change it.
    return shown(`the eviction fails: ${error.message || `status ${error.status}`}`);
  }
}

/** As long as an answer may have it. */
const shown = (reason: string) => reason.slice(0, 500);

export const podName = ({ metadata }: Pod) => `${metadata.namespace}/${metadata.name}`;
