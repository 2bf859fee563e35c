// Leads a node out of the cluster. Three ways begin it: the RegisteredNode is deleted (regnodectl node
// remove), the agent calls drain and deregister (regnode leave on the host), or it is forced. A node has one
// drain (node-drain.ts), whoever asks for it. Nothing here waits for pods but who asked over HTTPS: a removal
// looks at its drain when it has ended.
import type { Logger } from 'pino';
import { background, tellEach } from '../../protocol/defect.ts';
import { type DrainResponse, stayReasons } from '../../protocol/messages/join.ts';
import type { Audit } from '../audit/audit.ts';
import type { Counters } from '../audit/counters.ts';
import { type RecordEvent, told } from '../kubernetes/event-recorder.ts';
import type { Kubernetes } from '../kubernetes/kubernetes.ts';
import { type RegisteredNode, registeredNodes } from '../resources/registered-node.ts';
import { AtOnce } from './at-once.ts';
import { type DrainProgress, NodeDrain } from './node-drain.ts';
import { finishRemoval, forceAnnotation, type Removal } from './removal.ts';
import type { Tunnels } from './tunnels.ts';

/** An agent that was told to leave and is still here is told again after this. */
const remindMs = 60_000;

/** Of all drains: so one webhook that hangs takes few of the connections to the API server. */
const requestsAtOnce = 8;

/** How the drain of a removal ended. */
type Ended = { readonly result: DrainResponse } | { readonly error: unknown };

export interface DeparturesOptions {
  readonly kubernetes: Kubernetes;
  readonly tunnels: Tunnels;
  readonly audit: Audit;
  readonly counters: Counters;
  readonly recordEvent: RecordEvent;
  readonly logger: Logger;
  readonly drainTimeoutMs: number;
  readonly now: () => number;
}

export class Departures {
  readonly #options: DeparturesOptions;
  readonly #requests = new AtOnce(requestsAtOnce);
  readonly #drains = new Map<string, NodeDrain>();
  /** Those who ask the same of the same node share one answer. */
  readonly #answers = new Map<string, Promise<DrainResponse>>();
  /** Node uid → the drain of its removal; undefined while it goes on. */
  readonly #removals = new Map<string, Ended | undefined>();
  readonly #drainListeners: ((node: string) => void)[] = [];
  /** Node uid → its drain has ended here. */
  readonly #drained = new Set<string>();
  readonly #told = new Map<string, number>();
  #isStopped = false;

  constructor(options: DeparturesOptions) {
    this.#options = options;
  }

  /**
   * Cordons and evicts everything that can go; where the host leaves, also what no
   * controller would make again.
   */
  drain(
    registered: RegisteredNode,
    reason: string,
    { evictUnmanaged = true, waitMs }: { evictUnmanaged?: boolean; waitMs?: number | undefined } = {},
  ): Promise<DrainResponse> {
    const nodeName = registered.metadata.name;
    const { kubernetes, audit, counters, logger, drainTimeoutMs } = this.#options;
    const timeoutMs = waitMs === undefined ? drainTimeoutMs : Math.min(waitMs, drainTimeoutMs);
    const key = `${nodeName} ${evictUnmanaged} ${timeoutMs}`;
    const asked = this.#answers.get(key);
    if (asked) return asked;
    const progress = (event: DrainProgress) => logger.info({ node: nodeName, ...event }, 'drain');
    const node =
      this.#drains.get(nodeName) ?? new NodeDrain(kubernetes, nodeName, { requests: this.#requests });
    this.#drains.set(nodeName, node);
    const answer = node
      .ask(registered, { timeoutMs, evictUnmanaged, progress })
      .then(
        (result) => {
          counters.drains.inc({ outcome: 'ended' });
          audit.record({ event: 'drain', node: nodeName, reason, outcome: 'ended', ...audited(result) });
          return result;
        },
        (error: unknown) => {
          counters.drains.inc({ outcome: 'failed' });
          audit.record({ event: 'drain', node: nodeName, reason, outcome: 'failed', detail: String(error) });
          throw error;
        },
      )
      .finally(() => {
        this.#answers.delete(key);
        if (node.isIdle && this.#drains.get(nodeName) === node) this.#drains.delete(nodeName);
      });
    this.#answers.set(key, answer);
    return answer;
  }

  /** The drain of a node that is removed has ended; `advance` goes on with it. */
  onDrained(listener: (node: string) => void): void {
    this.#drainListeners.push(listener);
  }

  /** Whoever waits for a drain is answered; no removal goes on because of that. */
  stop(): void {
    this.#isStopped = true;
    for (const node of this.#drains.values()) node.stop();
  }

  /** The agent says that its host is clean. */
  async deregister(registered: RegisteredNode): Promise<void> {
    this.#gone(registered, 'left', await finishRemoval(this.#options.kubernetes, registered));
  }

  /**
   * One step for a registration that is being deleted, which never waits for pods; called
   * again on every change, and when a drain has ended. Milliseconds until it should be called
   * again by itself, if that is so.
   */
  async advance(registered: RegisteredNode): Promise<number | undefined> {
    const { name, uid = '', annotations, finalizers } = registered.metadata;
    if (!finalizers?.length) return undefined;
    if (annotations?.[forceAnnotation] === 'true') {
      this.#gone(registered, 'forced', await finishRemoval(this.#options.kubernetes, registered));
      return undefined;
    }
    if (registered.status?.joinedAt === undefined) {
      // A claim whose join never ended: there is no host to wait for.
      this.#gone(registered, 'never-joined', await finishRemoval(this.#options.kubernetes, registered));
      return undefined;
    }
    if (!this.#drained.has(uid)) {
      const drained = this.#drainRemoved(registered);
      if (drained === undefined) return undefined;
      const stuck = heldBack(drained);
      if (stuck.length > 0) return this.#wait(registered, stuck);
      this.#drained.add(uid);
    }
    return this.#tellToLeave(name, uid);
  }

  /** How it ended, once; undefined while it goes on. Throws what it failed with. */
  #drainRemoved(registered: RegisteredNode): DrainResponse | undefined {
    const { name, uid = '' } = registered.metadata;
    const ended = this.#removals.get(uid);
    if (ended !== undefined) {
      this.#removals.delete(uid);
      if ('error' in ended) throw ended.error;
      return ended.result;
    }
    if (this.#isStopped || this.#removals.has(uid)) return undefined;
    this.#removals.set(uid, undefined);
    const end = (how: Ended) => {
      // It may have left meanwhile.
      if (this.#isStopped || !this.#removals.has(uid)) return;
      this.#removals.set(uid, how);
      tellEach('drained', this.#drainListeners, name);
    };
    const drained = this.drain(registered, 'removal');
    background(
      'drain',
      drained.then(
        (result) => end({ result }),
        (error: unknown) => end({ error }),
      ),
    );
    return undefined;
  }

  /**
   * A disruption budget is somebody's word: the host stays until the budget lets
   * go, or the removal is forced.
   */
  #wait({ metadata: { name, uid } }: RegisteredNode, stuck: DrainResponse['remainingPods']): number {
    const pods = stuck.map(({ pod, reason }) => `${pod} (${reason})`).join(', ');
    const note = told('DRAIN_HELD_BACK', { name, count: stuck.length, pods: pods.slice(0, 700) });
    this.#options.recordEvent(registeredNodes, { name, uid }, { type: 'Warning', ...note });
    return remindMs;
  }

  #tellToLeave(name: string, uid: string): number | undefined {
    const { tunnels, logger, now } = this.#options;
    const last = this.#told.get(uid);
    if (last !== undefined && now() - last < remindMs) return remindMs - (now() - last);
    // Without a tunnel there is nothing to do: its opening is a change that leads here again.
    if (!tunnels.send(name, { kind: 'leave', reason: 'removed by the operator' })) return undefined;
    logger.info({ node: name }, 'told to leave');
    this.#told.set(uid, now());
    return remindMs;
  }

  #gone(registered: RegisteredNode, kind: 'left' | 'forced' | 'never-joined', removal: Removal): void {
    const { name, uid } = registered.metadata;
    const { audit, counters, recordEvent } = this.#options;
    counters.removals.inc({ kind });
    audit.record({ event: 'removal', node: name, pool: registered.spec.pool, kind, ...removal });
    const note = told(kind === 'left' ? 'NODE_LEFT' : 'NODE_REMOVED', { name });
    recordEvent(registeredNodes, { name, uid }, { type: 'Normal', ...note });
    this.#drains.get(name)?.stop();
    if (uid) {
      this.#removals.delete(uid);
      this.#drained.delete(uid);
      this.#told.delete(uid);
    }
  }
}

/**
 * Pods that a disruption budget keeps; those that only take long, on a host that
 * is away say, hold up nothing.
 */
function heldBack({ remainingPods }: DrainResponse): DrainResponse['remainingPods'] {
  const others: readonly string[] = Object.values(stayReasons);
  return remainingPods.filter(({ reason }) => !others.includes(reason));
}

/** More than a node takes. A kubelet that means harm has thousands of mirror pods, named in each record. */
const mostAudited = 300;

function audited({ evictedPods, remainingPods }: DrainResponse): object {
  const unsaid = [evictedPods, remainingPods].reduce(
    (sum, { length }) => sum + Math.max(0, length - mostAudited),
    0,
  );
  return {
    evictedPods: evictedPods.slice(0, mostAudited),
    remainingPods: remainingPods.slice(0, mostAudited),
    ...(unsaid > 0 && { unsaid }),
  };
}
