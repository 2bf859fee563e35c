// This process among the replicas of the gateway: the roster of the others, the links to them, and
// the ways of streams to nodes. The others know nothing of it until its door is open and
// `announce` has written its Lease.
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
import { type Door, openDoor } from './door.ts';
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
  readonly certificate: ServingCertificate;
  readonly hub: TunnelHub;
  readonly registered: (name: string) => RegisteredNode | undefined;
  readonly logger: Logger;
  readonly now: () => number;
}

interface ReplicaDoorOptions {
  readonly listen: { readonly host: string; readonly port: number };
  readonly audit: Audit;
  readonly auditStream: (record: StreamAudit) => void;
  readonly onRefused: (fault: Fault) => void;
  readonly onCrowded?: (reason: string) => void;
  /** What another replica asks this one. */
  readonly answer: AnswerQuestion;
}

export interface Replicas {
  /** Resolves when the Leases of all have been read. */
  readonly ready: Promise<void>;
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
  openDoor(options: ReplicaDoorOptions): Promise<Door>;
  /** Takes the Lease: from now on the others count on this replica, and find its door at this `host:port`. */
  announce(address: string): Promise<void>;
  /** The certificate was issued anew. */
  renew(): void;
  /** The others are told; then what goes through them ends within the grace. */
  drain(graceMs: number): Promise<void>;
  close(): Promise<void>;
}

const lookMs = 1_000;

export function watchReplicas(options: ReplicasOptions): Replicas {
  const { kubernetes, name, certificate, hub, logger, now, registered } = options;
  const clock = realClock;
  const taken = Promise.withResolvers<never>();
  taken.promise.catch(() => {});
  const roster = new Roster(name, now);
  const onError = (error: unknown) => logger.warn({ err: error }, 'watch of replicas interrupted');
  const select = { namespace: gatewayNamespace, labelSelector: replicaLabel };
  const watcher = new Watcher(kubernetes, leases, { select, onError });
  watcher.onChange((change) => roster.changed(change));
  const links = new Links({ certificate: () => certificate.current, clock, logger });
  const ways = new Ways({ self: name, hub, registered, roster, links, clock });
  roster.onChange(() => ways.changed());
  roster.onChange(() => logger.info({ replicas: roster.replicas, leader: roster.leader }, 'replicas'));
  let door: Door | undefined;
  let lease: ReplicaLease | undefined;
  const stop = new AbortController();
  const watching = watcher.run(stop.signal);
  const timer = setInterval(() => roster.look(), lookMs);
  timer.unref();
  return {
    ready: watcher.ready,
    roster,
    ways,
    taken: taken.promise,
    get figures() {
      return {
        live: roster.replicas.filter(({ live }) => live).length,
        leading: roster.isLeader ? 1 : 0,
        forwarded: links.forwarded,
        forwardedStreams: links.streams,
        carriedStreams: door?.streams ?? 0,
      };
    },
    looksAfter: (node) =>
      looksAfter(node, { self: name, leader: roster.leader, isLive: (other) => roster.isLive(other) }),
    holderOf: (node) => holderOf(registered(node), { isLive: (other) => roster.isLive(other) }),
    ask: (replica, path) => {
      const to = { replica, address: roster.get(replica)?.address ?? '' };
      return askReplica(replica, (target, endpoint) => links.open(to, target, endpoint), path);
    },
    openDoor: async (entrance) => {
      door = await openReplicaDoor(options, entrance);
      return door;
    },
    announce: async (address) => {
      lease = new ReplicaLease({ kubernetes, name, address, logger, now, onTaken: taken.reject });
      await lease.take();
    },
    renew: () => door?.renew(certificate.current),
    drain: async (graceMs) => {
      await lease?.drain().catch((error: unknown) => logger.warn({ err: error }, 'draining was not told'));
      await links.drain(graceMs);
    },
    close: async () => {
      clearInterval(timer);
      stop.abort();
      await watching;
      await lease?.release();
    },
  };
}

function openReplicaDoor(
  { certificate, hub, logger, now }: ReplicasOptions,
  { listen, audit, auditStream, onRefused, onCrowded, answer }: ReplicaDoorOptions,
): Promise<Door> {
  const repeats = new RepeatFilter({
    intervalMs: doorLimits.repeatedAuditMs,
    remembered: doorLimits.rememberedAddresses,
  });
  return openDoor({
    listen,
    certificate: certificate.current,
    hub,
    audit: auditStream,
    onQuestion: answerQuestions(answer),
    ...(onCrowded && { onCrowded }),
    onRefused: (fault, address) => {
      onRefused(fault);
      if (!repeats.isNew(`${address} ${fault.message}`, now())) return;
      audit.record({ event: 'replica', outcome: 'refused', address, ...fault.toWire() });
    },
    clock: realClock,
    logger,
  });
}
