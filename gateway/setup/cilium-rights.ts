// Whether the gateway gets the right to start Cilium's pods. They are privileged and run on every node, so
// whoever has this right is root on each: only a cluster in which regnode brings Cilium gives it. Asked for
// or refused by a flag; without one the pools say it, and where there are none yet it stays as it is. What is
// taken away is the gateway's Role alone: namespaces stay.
import { ciliumNamespace, ownSelector } from '../cilium/names.ts';
import { daemonSets, roleBindings, roles } from '../kubernetes/kinds.ts';
import { type Kubernetes, KubernetesFailure } from '../kubernetes/kubernetes.ts';
import { gatewayUser } from '../kubernetes/names.ts';
import { nodePools, type PoolObject } from '../resources/node-pool.ts';

/** `asked`: by --cilium or --no-cilium. */
export async function bringsCilium(kubernetes: Kubernetes, asked: boolean | undefined): Promise<boolean> {
  if (asked !== undefined) return asked;
  const pools = await listPools(kubernetes);
  if (pools.some(({ spec }) => (spec.network?.mode ?? 'cilium') === 'cilium')) return true;
  if (pools.length === 0) return (await kubernetes.get(roles, gatewayUser, ciliumNamespace)) !== undefined;
  // The gateway has yet to take away what the last such pool had.
  const running = { namespace: ciliumNamespace, labelSelector: ownSelector };
  return (await kubernetes.list(daemonSets, running)).items.length > 0;
}

/** True when there was something to take away. */
export async function withdrawCiliumRights(kubernetes: Kubernetes): Promise<boolean> {
  const place = { namespace: ciliumNamespace };
  const bound = await kubernetes.remove(roleBindings, gatewayUser, place);
  const granted = await kubernetes.remove(roles, gatewayUser, place);
  return bound || granted;
}

/** A cluster that was never set up knows no pools, and says so as a web server does: without a reason. */
async function listPools(kubernetes: Kubernetes): Promise<readonly PoolObject[]> {
  try {
    return (await kubernetes.list(nodePools)).items;
  } catch (error) {
    if (error instanceof KubernetesFailure && error.status === 404) return [];
    throw error;
  }
}
