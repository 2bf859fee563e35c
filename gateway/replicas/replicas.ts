// This process among the replicas of the gateway: its Lease, the roster of the others, the door for them, the links to
// them, and the ways of streams to nodes. serve.ts starts it, asks it who looks after a node, and ends it.
import type { Logger } from 'pino';
import type { Fault } from '../../protocol/catalogue/fault.ts';
import { RepeatFilter } from '../../protocol/rate/repeat-filter.ts';
import type { StreamAudit } from '../../protocol/tunnel/audit.ts';
import { realClock } from '../../protocol/tunnel/clock.ts';
import type { Audit } from '../audit/audit.ts';
import type { ReplicaFigures } from '../audit/replica-figures.ts';
import { leases } from '../kubernetes/kinds.ts';
import type { Kubernetes } from '../kubernetes/kubernetes.ts';
import { gatewayNamespace } from '../kubernetes/names.ts';
import { Watcher } from '../kubernetes/watcher.ts';
import type { ServingCertificate } from '../port/serving-certificate.ts';
import type { RegisteredNode } from '../resources/registered-node.ts';
import type { TunnelHub } from '../tunnel/hub.ts';
import { ownAddress } from './address.ts';
import { openDoor } from './door.ts';
import { holderOf, looksAfter } from './holding.ts';
import { ReplicaLease, replicaLabel } from './lease.ts';
import { doorLimits } from './limits.ts';
import { Links } from './links.ts';
import { type AnswerQuestion, answerQuestions, askReplica } from './questions.ts';
import { Roster } from './roster.ts';
import { Ways } from './ways.ts';

export interface ReplicasOptions {
  readonly kubernetes: Kubernetes;
  readonly name: string;
  readonly listen: { readonly host: string; readonly port: number };
  /** `host:port` at which the others reach the door; undefined: an address of this machine and the port. */
  readonly address: string | undefined;
  readonly certificate: ServingCertificate;
  readonly hub: TunnelHub;
  readonly registered: (name: string) => RegisteredNode | undefined;
  readonly audit: Audit;
  readonly auditStream: (record: StreamAudit) => void;
  readonly onRefused: (fault: Fault) => void;
  readonly onCrowded?: (reason: string) => void;
  /** What another replica asks this one. */
  readonly answer: AnswerQuestion;
  readonly logger: Logger;
  readonly now: () => number;
}

export interface Replicas {
  readonly roster: Roster;
  readonly ways: Ways;
  readonly figures: ReplicaFigures;
  /** Rejects when another process has taken this one's name. */
  readonly taken: Promise<never>;
  looksAfter(registered: RegisteredNode): boolean;
  /** The live replica that has the node's tunnel. */
  holderOf(name: string): string | undefined;
  /** GET at another replica; throws REPLICA_UNREACHABLE, or what it answers. */
  ask(replica: string, path: string): Promise<string>;
  /** The certificate was issued anew. */
  renew(): void;
  /** The others are told; then what goes through them ends within the grace. */
  drain(graceMs: number): Promise<void>;
  close(): Promise<void>;
}

const lookMs = 1_000;

export async function startReplicas(options: ReplicasOptions): Promise<Replicas> {
  const { kubernetes, name, certificate, hub, logger, now, registered } = options;
  const clock = realClock;
  const taken = Promise.withResolvers<never>();
  taken.promise.catch(() => {});
  const repeats = new RepeatFilter({
    intervalMs: doorLimits.repeatedAuditMs,
    remembered: doorLimits.rememberedAddresses,
  });
  const door = await openDoor({
    listen: options.listen,
    certificate: certificate.current,
    hub,
    audit: options.auditStream,
    onQuestion: answerQuestions(options.answer),
    ...(options.onCrowded && { onCrowded: options.onCrowded }),
    onRefused: (fault, address) => {
      options.onRefused(fault);
      if (!repeats.isNew(`${address} ${fault.message}`, now())) return;
      options.audit.record({ event: 'replica', outcome: 'refused', address, ...fault.toWire() });
    },
    clock,
    logger,
  });
  const roster = new Roster(name, now);
  const onError = (error: unknown) => logger.warn({ err: error }, 'watch of replicas interrupted');
  const select = { namespace: gatewayNamespace, labelSelector: replicaLabel };
  const watcher = new Watcher(kubernetes, leases, { select, onError });
  watcher.onChange((change) => roster.changed(change));
  const address = options.address ?? ownAddress(door.address);
  const lease = new ReplicaLease({ kubernetes, name, address, logger, now, onTaken: taken.reject });
  await lease.take();
  const stop = new AbortController();
  const watching = watcher.run(stop.signal);
  await watcher.ready;
  const timer = setInterval(() => roster.look(), lookMs);
  timer.unref();
  const links = new Links({ certificate: () => certificate.current, clock, logger });
  const ways = new Ways({ self: name, hub, registered, roster, links, clock });
  roster.onChange(() => ways.changed());
  roster.onChange(() => logger.info({ replicas: roster.replicas, leader: roster.leader }, 'replicas'));
  return {
    roster,
    ways,
    taken: taken.promise,
    get figures() {
      return {
        live: roster.replicas.filter(({ live }) => live).length,
        leading: roster.isLeader ? 1 : 0,
        forwarded: links.forwarded,
        forwardedStreams: links.streams,
        carriedStreams: door.streams,
      };
    },
    looksAfter: (node) =>
      looksAfter(node, { self: name, leader: roster.leader, isLive: (other) => roster.isLive(other) }),
    holderOf: (node) => holderOf(registered(node), { isLive: (other) => roster.isLive(other) }),
    ask: (replica, path) => {
      const to = { replica, address: roster.get(replica)?.address ?? '' };
      return askReplica(replica, (target, endpoint) => links.open(to, target, endpoint), path);
    },
    renew: () => door.renew(certificate.current),
    drain: async (graceMs) => {
      await lease.drain().catch((error: unknown) => logger.warn({ err: error }, 'draining was not told'));
      await links.drain(graceMs);
    },
    close: async () => {
      await door.close();
      clearInterval(timer);
      stop.abort();
      await watching;
      await lease.release();
    },
  };
}
