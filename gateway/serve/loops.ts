// The loops behind the ports: each node is reconciled when something about it changes, each kubelet's
// certificate request is decided when it appears, each pool's numbers are written when they change.
import type { Logger } from 'pino';
import type { Artifact } from '../../protocol/messages/desired.ts';
import type { AddressBook } from '../addresses/book.ts';
import type { Audit } from '../audit/audit.ts';
import type { Counters } from '../audit/counters.ts';
import type { CertificateSigningRequest } from '../kubernetes/kinds.ts';
import type { Kubernetes } from '../kubernetes/kubernetes.ts';
import { CertificatePace } from '../nodes/certificate-pace.ts';
import type { Departures } from '../nodes/departures.ts';
import { decideCertificate, writeDecision } from '../nodes/kubelet-certificates.ts';
import type { Reconciler } from '../nodes/reconciler.ts';
import type { Tunnels } from '../nodes/tunnels.ts';
import { WorkQueue } from '../nodes/work-queue.ts';
import { writePoolStatus } from '../pools/pool-status.ts';
import type { Roster } from '../replicas/roster.ts';
import { registeredNodes } from '../resources/registered-node.ts';
import type { Conflicts } from '../tunnel/conflicts.ts';
import type { ClusterView } from './cluster-view.ts';

export interface LoopsOptions {
  readonly view: ClusterView;
  readonly book: AddressBook;
  readonly reconciler: Reconciler;
  readonly departures: Pick<Departures, 'onDrained'>;
  readonly tunnels: Tunnels;
  readonly conflicts: Conflicts;
  readonly kubernetes: Kubernetes;
  /** What the store offers now. */
  readonly artifacts: () => Promise<readonly Artifact[]>;
  readonly counters: Counters;
  readonly audit: Audit;
  readonly logger: Logger;
  readonly settleMs: number;
  readonly roster: Pick<Roster, 'isLeader' | 'onChange'>;
  readonly now: () => number;
}

const poolStatusDelayMs = 1000;

export interface Loops {
  readonly ready: Promise<void>;
  /** Something that every node's desired state is made from has changed. */
  reconcileAll(): void;
  stop(): Promise<void>;
}

export function startLoops(options: LoopsOptions): Loops {
  const { view, tunnels } = options;
  const stop = new AbortController();
  const onError = (kind: string) => (key: string, error: unknown) => {
    options.counters.kubernetesErrors.inc({ kind });
    options.logger.warn({ err: error, key }, `${kind} failed, trying again`);
  };

  const nodeQueue: WorkQueue = new WorkQueue({
    run: async (name) => {
      const againMs = await options.reconciler.reconcile(name);
      if (againMs !== undefined) nodeQueue.addLater(name, againMs);
    },
    onError: onError('reconcile node'),
  });
  const poolQueue: WorkQueue = new WorkQueue({
    // One plans a pool's rollout and writes its numbers: the one that leads.
    run: async (name) => {
      if (!options.roster.isLeader) return;
      const againMs = await writePoolStatus(options.kubernetes, name, view, options.artifacts);
      if (againMs !== undefined) poolQueue.addLater(name, againMs);
    },
    onError: onError('write pool status'),
  });
  const certificatePace = new CertificatePace();
  const requestQueue: WorkQueue = new WorkQueue({
    run: async (name) => {
      const csr = view.certificateRequests.get(name);
      if (csr === undefined || csr.status?.conditions?.length) return;
      const waitMs = certificatePace.waitMs(csr, options.now());
      if (waitMs > 0) requestQueue.addLater(name, waitMs);
      else await decide(options, csr);
    },
    onError: onError('decide certificate request'),
  });

  const allNodes = () => {
    for (const { metadata } of view.pools.values()) poolQueue.addLater(metadata.name, poolStatusDelayMs);
    for (const { metadata } of view.registered.values()) nodeQueue.add(metadata.name);
  };
  view.registered.onChange(({ name, object, previous }) => {
    nodeQueue.add(name);
    const pool = object?.spec.pool ?? previous?.spec.pool;
    if (pool) poolQueue.addLater(pool, poolStatusDelayMs);
  });
  view.nodes.onChange(({ name }) => {
    if (view.registered.get(name)) nodeQueue.add(name);
  });
  view.pools.onChange(({ name }) => {
    poolQueue.addLater(name, poolStatusDelayMs);
    for (const { metadata, spec } of view.registered.values())
      if (spec.pool === name) nodeQueue.add(metadata.name);
  });
  view.certificateRequests.onChange(({ name, object }) => {
    if (object && !object.status?.conditions?.length) requestQueue.add(name);
  });
  tunnels.onChange((name) => nodeQueue.add(name));
  options.departures.onDrained((name) => nodeQueue.add(name));
  options.conflicts.onChange((name) => nodeQueue.add(name));
  // What another replica looked after may be ours now.
  options.roster.onChange(() => {
    allNodes();
    for (const { metadata } of view.pools.values()) poolQueue.addLater(metadata.name, poolStatusDelayMs);
  });

  const running = view.run(stop.signal);
  const settleTimer = setTimeout(allNodes, options.settleMs + 100);
  settleTimer.unref();
  const ready = Promise.all([view.pools.ready, view.registered.ready, view.nodes.ready]).then(() => {});
  return {
    ready,
    reconcileAll: allNodes,
    stop: async () => {
      clearTimeout(settleTimer);
      stop.abort();
      await Promise.all([nodeQueue.stop(), poolQueue.stop(), requestQueue.stop(), running]);
    },
  };
}

async function decide(
  { book, kubernetes, counters, audit, logger }: LoopsOptions,
  csr: CertificateSigningRequest,
): Promise<void> {
  const { name } = csr.metadata;
  const decision = await decideCertificate(csr, {
    registered: (node) => kubernetes.get(registeredNodes, node),
    claims: () => book.recent(),
  });
  const signer = csr.spec.signerName;
  if (decision.decision === 'ignore') return;
  if (!(await writeDecision(kubernetes, csr, decision))) return;
  counters.kubeletCertificates.inc({ decision: decision.decision, signer });
  audit.record({ event: 'kubelet-certificate', csr: name, signer, username: csr.spec.username, ...decision });
  logger.info({ csr: name, signer, ...decision }, 'kubelet certificate request decided');
}
