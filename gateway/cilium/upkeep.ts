// Keeps the cluster's Cilium as the pools want it: applies what should be there when a pool changes and every
// half minute, so that what somebody changed by hand is set right again, and takes away what no pool wants
// any more. Server-side apply owns only the fields that stand here. What can't be is told as an event of the
// pool; Cilium's own custom resources are never touched.
import type { Logger } from 'pino';
import type { RecordEvent } from '../kubernetes/event-recorder.ts';
import { configMaps, daemonSets, deployments } from '../kubernetes/kinds.ts';
import { isFailure, type Kubernetes, KubernetesFailure } from '../kubernetes/kubernetes.ts';
import { nodePools, type PoolObject } from '../resources/node-pool.ts';
import { type DesiredCilium, desiredCilium } from './desired.ts';
import { ciliumNamespace, foreignCilium, ownSelector } from './names.ts';
import { ciliumObjects } from './objects.ts';

const everyMs = 30_000;
/** Several pools may change at once. */
const settleMs = 200;
/** Taken away first what runs, then what it reads. */
const ownKinds = [daemonSets, deployments, configMaps];

export interface CiliumUpkeepOptions {
  readonly kubernetes: Kubernetes;
  readonly pools: () => Iterable<PoolObject>;
  readonly nodeCount: (pool: string) => number;
  readonly apiServerUrl: string;
  readonly recordEvent: RecordEvent;
  readonly logger: Logger;
}

export class CiliumUpkeep {
  readonly #options: CiliumUpkeepOptions;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: CiliumUpkeepOptions) {
    this.#options = options;
  }

  /** Something about pools or their nodes has changed. */
  changed(): void {
    this.#schedule(settleMs);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  /** One round; throws what the API server said. */
  async round(): Promise<void> {
    const cilium = desiredCilium(this.#options.pools(), this.#options.nodeCount);
    if (cilium !== undefined && (await this.#isForeign(cilium))) return;
    await this.#apply(cilium);
    await this.#withdraw(cilium);
  }

  #schedule(delayMs: number): void {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#running = this.#running.then(() => this.#guarded());
    }, delayMs);
    this.#timer.unref();
  }

  async #guarded(): Promise<void> {
    try {
      await this.round();
    } catch (error) {
      this.#options.logger.warn(
        { err: error },
        'Cilium could not be kept as the pools want it, trying again',
      );
      if (error instanceof KubernetesFailure) this.#tellAll('CiliumNotApplied', notApplied(error));
    }
    this.#schedule(everyMs);
  }

  /** A Cilium that somebody installed otherwise would fight ours for the same nodes. */
  async #isForeign(cilium: DesiredCilium): Promise<boolean> {
    const { name, namespace } = foreignCilium;
    const found = await this.#options.kubernetes.get(daemonSets, name, namespace);
    if (found === undefined) return false;
    const message = `the cluster has a Cilium of its own (${namespace}/${name}): regnode brings none; such a pool is --network external`;
    for (const pool of cilium.pools) this.#tell(pool.name, 'CiliumOfTheCluster', message);
    return true;
  }

  async #apply(cilium: DesiredCilium | undefined): Promise<void> {
    if (cilium === undefined) return;
    for (const [pool, refusal] of cilium.refused) this.#tell(pool, 'CiliumRangeDiffers', refusal);
    for (const { kind, object } of ciliumObjects(cilium, this.#options.apiServerUrl))
      await this.#options.kubernetes.apply(kind, object);
  }

  async #withdraw(cilium: DesiredCilium | undefined): Promise<void> {
    const { kubernetes, apiServerUrl, logger } = this.#options;
    const desired = new Set(
      cilium === undefined
        ? []
        : ciliumObjects(cilium, apiServerUrl).map(
            ({ kind, object }) => `${kind.plural}/${object.metadata.name}`,
          ),
    );
    for (const kind of ownKinds) {
      const { items } = await this.#listOwn(kind, cilium);
      for (const { metadata } of items) {
        if (desired.has(`${kind.plural}/${metadata.name}`)) continue;
        await kubernetes.remove(kind, metadata.name, { namespace: ciliumNamespace });
        logger.info({ kind: kind.kind, name: metadata.name }, 'no pool wants it any more: deleted');
      }
    }
  }

  /** A cluster that never had such a pool need not have been set up for one. */
  async #listOwn(kind: (typeof ownKinds)[number], cilium: DesiredCilium | undefined) {
    try {
      return await this.#options.kubernetes.list(kind, {
        namespace: ciliumNamespace,
        labelSelector: ownSelector,
      });
    } catch (error) {
      if (cilium === undefined && isFailure(error, 'Forbidden', 'NotFound')) return { items: [] };
      throw error;
    }
  }

  #tellAll(reason: string, message: string): void {
    const cilium = desiredCilium(this.#options.pools(), this.#options.nodeCount);
    for (const { name } of cilium?.pools ?? []) this.#tell(name, reason, message);
  }

  #tell(pool: string, reason: string, message: string): void {
    const found = [...this.#options.pools()].find(({ metadata }) => metadata.name === pool);
    const about = { name: pool, uid: found?.metadata.uid };
    this.#options.recordEvent(nodePools, about, { type: 'Warning', reason, message });
  }
}

/** Before a pool asks for Cilium, the gateway has no right to start pods. */
function notApplied(error: KubernetesFailure): string {
  const remedy = isFailure(error, 'Forbidden')
    ? '; run "regnode-gateway setup" as a cluster administrator'
    : '';
  return `${error.request}: ${error.message}${remedy}`;
}
