// Keeps the host as the pool wants it: one round when something is due (a new wish, a change, every few minutes),
// never two at a time, and never while a join or a leave is at work. A round that fails is tried again with a
// growing pause; what it failed at is what the node reports.
import type { Logger } from 'pino';
import type { NodePhase } from '../../protocol/control.ts';
import type { DesiredState } from '../../protocol/desired.ts';
import { Fault } from '../../protocol/fault.ts';
import type { Host } from '../host/host.ts';
import { lockNode } from '../node/lock.ts';
import { type ReconcileOptions, reconcile } from '../node/reconcile.ts';
import { readState, writeState } from '../node/state.ts';
import { admitDesired, type ManifestSource } from '../trust/accept.ts';

const everyMs = 5 * 60_000;
const busyPauseMs = 2000;
const firstPauseMs = 5000;
const longestPauseMs = 5 * 60_000;

export interface ReconcilerStatus {
  readonly phase: NodePhase;
  /** The last revision that the host was found to fulfil. */
  readonly revision: string;
  readonly at: string;
  readonly steps: number;
  readonly fault: string;
  /** Component → version, of that revision. */
  readonly versions: Readonly<Record<string, string>>;
}

export interface ReconcilerOptions {
  readonly host: Host;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly source: NonNullable<ReconcileOptions['source']> & ManifestSource;
  readonly onChange: (status: ReconcilerStatus) => void;
}

type Round = 'done' | 'busy' | 'failed';

export class Reconciler {
  readonly #options: ReconcilerOptions;
  #status: ReconcilerStatus = { phase: 'Joining', revision: '', at: '', steps: 0, fault: '', versions: {} };
  #wished: DesiredState | undefined;
  #wake: () => void = () => undefined;
  #failures = 0;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  get status(): ReconcilerStatus {
    return this.#status;
  }

  /** A new wish of the pool; carried out as soon as nothing else is at work. */
  wish(desired: DesiredState): void {
    this.#wished = desired;
    this.#wake();
  }

  async run(): Promise<void> {
    const { signal, host } = this.#options;
    while (!signal.aborted) {
      const round = await this.#round();
      this.#failures = round === 'failed' ? this.#failures + 1 : 0;
      await this.#pause(host, this.#pauseMs(round));
    }
  }

  async #round(): Promise<Round> {
    const { host, signal, logger } = this.#options;
    const state = await readState(host);
    if (state === undefined || state.phase !== 'Joined') {
      this.#change({ phase: state?.phase === 'Leaving' ? 'Leaving' : 'Joining' });
      return 'busy';
    }
    try {
      const lock = await lockNode(host, 'regnode run');
      try {
        await this.#reconcile();
      } finally {
        await lock.release();
      }
      return 'done';
    } catch (error) {
      if (signal.aborted) return 'done';
      if (error instanceof Fault && error.code === 'BUSY') return 'busy';
      if (!(error instanceof Fault)) throw error;
      logger.error({ code: error.code, values: error.values }, error.message);
      this.#change({ phase: 'Degraded', fault: `${error.code}: ${error.message}` });
      return 'failed';
    }
  }

  async #reconcile(): Promise<void> {
    const { host, signal, logger, source } = this.#options;
    const before = await readState(host);
    if (before?.phase !== 'Joined') return;
    const desired = this.#wished ?? before.desired;
    await admitDesired(host, desired, source, signal);
    if (desired.revision !== before.desired.revision) await writeState(host, { ...before, desired });
    const steps = await reconcile(
      host,
      { identity: before.identity, desired },
      {
        source,
        signal,
        onPlan: (plan, round) => {
          this.#change({ phase: 'Configuring' });
          const titles = plan.steps.map(({ title, reason }) => `${title} (${reason})`);
          logger.info({ round, revision: desired.revision, steps: titles }, 'plan');
        },
        onStep: (event) => {
          if (event.type === 'end')
            logger.info({ step: event.step.key, elapsedMs: event.elapsedMs }, 'step done');
        },
      },
    );
    const at = new Date(host.clock.nowMs()).toISOString();
    const versions = Object.fromEntries(
      desired.artifacts.map(({ component, version }) => [component, version]),
    );
    this.#change({ phase: 'Running', revision: desired.revision, at, steps, fault: '', versions });
  }

  #change(change: Partial<ReconcilerStatus>): void {
    const next = { ...this.#status, ...change };
    const isNews = next.phase !== this.#status.phase || next.revision !== this.#status.revision;
    const isOther = next.fault !== this.#status.fault;
    this.#status = next;
    if (isNews || isOther) this.#options.onChange(next);
  }

  #pauseMs(round: Round): number {
    if (round === 'busy') return busyPauseMs;
    if (round === 'done') return everyMs;
    return Math.min(longestPauseMs, firstPauseMs * 2 ** (this.#failures - 1));
  }

  async #pause(host: Host, milliseconds: number): Promise<void> {
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    const signal = AbortSignal.any([woken.signal, this.#options.signal]);
    await host.clock.sleep(milliseconds, signal).catch(() => undefined);
    this.#wake = () => undefined;
  }
}
