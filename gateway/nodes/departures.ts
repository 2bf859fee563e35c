// Leads a node out of the cluster. Three ways begin it: the RegisteredNode is deleted (regnodectl node
// remove), the agent calls drain and deregister (regnode leave on the host), or it is forced. One drain of a
// node serves all who ask for it at the same time.
import type { Logger } from 'pino';
import { type DrainResponse, stayReasons } from '../../protocol/messages/join.ts';
import type { Audit } from '../audit/audit.ts';
import type { Counters } from '../audit/counters.ts';
import { type RecordEvent, told } from '../kubernetes/event-recorder.ts';
import type { Kubernetes } from '../kubernetes/kubernetes.ts';
import { type RegisteredNode, registeredNodes } from '../resources/registered-node.ts';
import { type DrainProgress, drain } from './drain.ts';
import { finishRemoval, forceAnnotation, type Removal } from './removal.ts';
import type { Tunnels } from './tunnels.ts';

/** An agent that was told to leave and is still here is told again after this. */
const remindMs = 60_000;

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
  readonly #drains = new Map<string, Promise<DrainResponse>>();
  /** Node uid → its drain has ended here. */
  readonly #drained = new Set<string>();
  readonly #told = new Map<string, number>();

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
    const running = this.#drains.get(key);
    if (running) return running;
    const progress = (event: DrainProgress) => logger.info({ node: nodeName, ...event }, 'drain');
    const started = drain(kubernetes, registered, { timeoutMs, evictUnmanaged, progress })
      .then(
        (result) => {
          counters.drains.inc({ outcome: 'ended' });
          audit.record({ event: 'drain', node: nodeName, reason, outcome: 'ended', ...result });
          return result;
        },
        (error: unknown) => {
          counters.drains.inc({ outcome: 'failed' });
          audit.record({ event: 'drain', node: nodeName, reason, outcome: 'failed', detail: String(error) });
          throw error;
        },
      )
      .finally(() => this.#drains.delete(key));
    this.#drains.set(key, started);
    return started;
  }

  /** The agent says that its host is clean. */
  async deregister(registered: RegisteredNode): Promise<void> {
    this.#gone(registered, 'left', await finishRemoval(this.#options.kubernetes, registered));
  }

  /**
   * One step for a registration that is being deleted; called again on every change. Milliseconds until it
   * should be called again by itself, if that is so.
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
      const stuck = heldBack(await this.drain(registered, 'removal'));
      if (stuck.length > 0) return this.#wait(registered, stuck);
      this.#drained.add(uid);
    }
    return this.#tellToLeave(name, uid);
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
    if (uid) {
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
