// Live copies of what the gateway looks at all the time: pools, registrations, Nodes, kubelets' certificate
// requests. One place starts and stops them all.
import type { Logger } from 'pino';
import type { Counters } from '../audit/counters.ts';
import {
  type CertificateSigningRequest,
  certificateSigningRequests,
  type Kind,
  type KubernetesObject,
  type NodeObject,
  nodes,
} from '../kubernetes/kinds.ts';
import type { Kubernetes } from '../kubernetes/kubernetes.ts';
import { Watcher, type WatcherOptions } from '../kubernetes/watcher.ts';
import { keptRequest } from '../nodes/kept-requests.ts';
import { clientSigner, servingSigner } from '../nodes/kubelet-certificates.ts';
import { nodePools, type PoolObject } from '../resources/node-pool.ts';
import { type RegisteredNode, registeredNodes } from '../resources/registered-node.ts';

export interface ClusterView {
  readonly pools: Watcher<PoolObject>;
  readonly registered: Watcher<RegisteredNode>;
  readonly nodes: Watcher<NodeObject>;
  /** Undecided ones of the kubelets' two signers, as far as a decision reads them. */
  readonly certificateRequests: Pick<Watcher<CertificateSigningRequest>, 'get' | 'onChange'>;
  /** Kinds that have not been read yet. */
  missing(): readonly string[];
  /** Runs until the signal. */
  run(signal: AbortSignal): Promise<void>;
}

export function createClusterView(
  kubernetes: Kubernetes,
  logger: Logger,
  counters: Pick<Counters, 'kubernetesErrors'>,
): ClusterView {
  const watchers: Watcher<KubernetesObject>[] = [];
  const names: string[] = [];
  const watch = <T extends KubernetesObject>(
    kind: Kind<T>,
    options: Pick<WatcherOptions<T>, 'select' | 'keep'> = {},
  ): Watcher<T> => {
    const onError = (error: unknown) => {
      counters.kubernetesErrors.inc({ kind: `watch ${kind.plural}` });
      logger.warn({ err: error, kind: kind.plural }, 'watch interrupted, trying again');
    };
    const onUnread = (name: string) =>
      logger.warn({ kind: kind.kind, name }, 'too large, or changes too often: read at a pace from now on');
    const watcher = new Watcher(kubernetes, kind, { ...options, onError, onUnread });
    watchers.push(watcher as never);
    names.push(kind.plural);
    return watcher;
  };
  const pools = watch(nodePools);
  const registered = watch(registeredNodes);
  const requests = [clientSigner, servingSigner].map((signer) =>
    watch(certificateSigningRequests, {
      select: { fieldSelector: `spec.signerName=${signer}` },
      keep: (csr) => (csr.spec.signerName === signer ? keptRequest(csr) : undefined),
    }),
  );
  return {
    pools,
    registered,
    nodes: watch(nodes),
    certificateRequests: {
      get: (name) => requests.map((watcher) => watcher.get(name)).find((found) => found !== undefined),
      onChange: (listener) => {
        for (const watcher of requests) watcher.onChange(listener);
      },
    },
    missing: () => [...new Set(names.filter((_, index) => !watchers[index]?.synced))],
    run: async (signal) => {
      await Promise.all(watchers.map((watcher) => watcher.run(signal)));
    },
  };
}
