// Keeps the host as the pool wants it: once at the start, at every new wish, and once in a while to find drift.
// One reconciliation at a time; while somebody else holds the lock (a join, a leave) it waits its turn. What
// fails is reported and tried again with a growing pause.
import type { Logger } from 'pino';
import type { NodePhase } from '../../protocol/control.ts';
import type { DesiredState } from '../../protocol/desired.ts';
import { Fault } from '../../protocol/fault.ts';
import { gatewaySource } from '../components/artifacts/source.ts';
import type { Host } from '../host/host.ts';
import type { GatewayApi } from '../identity/gateway-api.ts';
import { lockNode } from '../node/lock.ts';
import { reconcile } from '../node/reconcile.ts';
import { type NodeState, writeState } from '../node/state.ts';

export interface UpkeepReport {
  readonly phase: NodePhase;
  /** The revision that the host was last seen to have; the wished one only when all of it is done. */
  readonly revision: string;
  readonly detail: string;
}

export interface UpkeepOptions {
  readonly host: Host;
  readonly state: NodeState;
  readonly gateway: GatewayApi;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly onReport: (report: UpkeepReport) => void;
}

const driftCheckMs = 60_000;
const busyRetryMs = 1000;
const firstRetryMs = 5000;
const largestRetryMs = 5 * 60_000;

export class Upkeep {
  readonly #options: UpkeepOptions;
  #state: NodeState;
  #appliedRevision = '';
  #wake = Promise.withResolvers<void>();

  constructor(options: UpkeepOptions) {
    this.#options = options;
    this.#state = options.state;
  }

  get state(): NodeState {
    return this.#state;
  }

  /** A new wish of the pool; the same wish again changes nothing. */
  want(desired: DesiredState): void {
    if (desired.revision === this.#state.desired.revision) return;
    this.#state = { ...this.#state, desired };
    this.#wake.resolve();
  }

  /** Runs until the signal ends it. */
  async run(): Promise<void> {
    const { host, signal } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      const outcome = await this.#once();
      failures = outcome === 'failed' ? failures + 1 : 0;
      const pauseMs =
        outcome === 'busy'
          ? busyRetryMs
          : failures > 0
            ? Math.min(largestRetryMs, firstRetryMs * 2 ** (failures - 1))
            : driftCheckMs;
      await Promise.race([host.clock.sleep(pauseMs, signal).catch(() => undefined), this.#wake.promise]);
      this.#wake = Promise.withResolvers<void>();
    }
  }

  async #once(): Promise<'done' | 'busy' | 'failed'> {
    const { host, logger, signal, onReport } = this.#options;
    const wish = this.#state;
    try {
      const lock = await lockNode(host, 'regnode run');
      try {
        const steps = await this.#apply(wish);
        if (steps > 0)
          logger.info({ steps, revision: wish.desired.revision }, 'the host was brought to the wished state');
      } finally {
        await lock.release();
      }
      this.#appliedRevision = wish.desired.revision;
      onReport({ phase: 'Running', revision: this.#appliedRevision, detail: '' });
      return 'done';
    } catch (error) {
      if (signal.aborted) return 'done';
      if (error instanceof Fault && error.code === 'BUSY') return 'busy';
      const detail = error instanceof Fault ? `${error.code}: ${error.message}` : String(error);
      logger.error(
        { error, revision: wish.desired.revision },
        'the host could not be brought to the wished state',
      );
      onReport({ phase: 'Degraded', revision: this.#appliedRevision, detail });
      return 'failed';
    }
  }

  async #apply(wish: NodeState): Promise<number> {
    const { host, gateway, signal, onReport } = this.#options;
    await writeState(host, wish);
    return reconcile(host, wish, {
      source: gatewaySource(gateway),
      signal,
      onPlan: (plan) =>
        onReport({
          phase: 'Configuring',
          revision: this.#appliedRevision,
          detail: `${plan.steps.length} steps`,
        }),
    });
  }
}
