// Keeps the host as the pool wants it: one round when something is due (a new desired state, a change,
// every few minutes), never two at a time, and never while a join or a leave is at work. A round that
// fails is tried again with a growing pause; what it failed at, versions that didn't work here and
// drift are what the node reports.

import type { Logger } from 'pino';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { tellDefect } from '../../protocol/defect.ts';
import type { ApiServerAccess, DesiredState } from '../../protocol/messages/desired.ts';
import type { DriftNote, NodePhase, VersionNote } from '../../protocol/messages/report.ts';
import { TokenBucket } from '../../protocol/rate/token-bucket.ts';
import type { DownloadSettings } from '../components/artifacts/source.ts';
import { versionsInUse } from '../components/versions.ts';
import { nextDrift } from '../drift/notes.ts';
import type { Host } from '../host/host.ts';
import type { PendingRestart } from '../node/pending-restart.ts';
import type { ReconcileOptions } from '../node/reconcile.ts';
import { foreignDropIns, standingDropIns } from '../plan/drop-ins.ts';
import { lostState } from '../plan/recovery.ts';
import type { StoreSize } from '../plan/store.ts';
import { type NodeState, readState } from '../state/state.ts';
import type { ManifestSource } from '../trust/accept.ts';
import { advanceNode } from '../upgrade/advance.ts';
import type { Drainer } from '../upgrade/drain.ts';
import type { HealthProbe } from '../upgrade/health.ts';
import {
  heldNotes,
  heldSettingsNote,
  settingsComponent,
  tryingNote,
  tryingSettingsNote,
  waitingNote,
} from '../upgrade/notes.ts';

const busyPauseMs = 2000;
const firstPauseMs = 5000;
const longestPauseMs = 5 * 60_000;
/** Rounds for a new desired state: whoever changes it without end keeps no host busy. */
export const askedRounds = { burst: 20, perSecond: 1 / 30 };

export interface ReconcilerStatus {
  readonly phase: NodePhase;
  /** The last revision that the host was found to fulfil. */
  readonly revision: string;
  readonly at: string;
  readonly steps: number;
  readonly fault: string;
  /** Component → version that is in use. */
  readonly versions: Readonly<Record<string, string>>;
  /** Versions that are being tried, or failed here. */
  readonly upgrades: readonly VersionNote[];
  readonly drift: readonly DriftNote[];
  /** Of the kubelet that runs; undefined until the host was found to fulfil something. */
  readonly apiServerAccess: ApiServerAccess | undefined;
  /** Archives that wait to be unpacked, and parts of downloads. */
  readonly store: StoreSize;
}

export interface ReconcilerOptions {
  readonly host: Host;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly source: (
    settings: DownloadSettings | undefined,
    desired: DesiredState,
  ) => NonNullable<ReconcileOptions['source']> & ManifestSource;
  readonly probe: HealthProbe;
  readonly gateway: Drainer;
}

type Round = 'done' | 'busy' | 'failed';

export class Reconciler {
  readonly #options: ReconcilerOptions;
  #status: ReconcilerStatus = {
    phase: 'Joining',
    revision: '',
    at: '',
    steps: 0,
    fault: '',
    versions: {},
    upgrades: [],
    drift: [],
    apiServerAccess: undefined,
    store: { files: 0, bytes: 0 },
  };
  readonly #listeners: ((status: ReconcilerStatus) => void)[] = [];
  #desired: DesiredState | undefined;
  #wake: () => void = () => undefined;
  #failures = 0;
  #intervalMs = longestPauseMs;
  readonly #pace: TokenBucket;
  #isAsked = false;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#pace = new TokenBucket(askedRounds, options.host.clock.monotonicMs());
  }

  get status(): ReconcilerStatus {
    return this.#status;
  }

  /** Anything but when it looked last. */
  onChange(listener: (status: ReconcilerStatus) => void): void {
    this.#listeners.push(listener);
  }

  /** A new desired state of the pool; carried out as soon as nothing else is at work. */
  setDesired(desired: DesiredState): void {
    this.#desired = desired;
    this.#isAsked = true;
    this.#wake();
  }

  /** Something has happened that it should look at. */
  wake(): void {
    this.#wake();
  }

  async run(): Promise<void> {
    const { signal, host } = this.#options;
    while (!signal.aborted) {
      if (this.#isAsked) await this.#takeTurn();
      const round = await this.#round();
      this.#failures = round === 'failed' ? this.#failures + 1 : 0;
      await this.#pause(host, this.#pauseMs(round));
    }
  }

  /** What is asked for meanwhile is carried out in the same round. */
  async #takeTurn(): Promise<void> {
    const { host, signal, logger } = this.#options;
    const { clock } = host;
    const waitMs = this.#pace.waitMs(1, clock.monotonicMs());
    if (waitMs > 0) logger.warn({ waitMs }, 'what is desired changes too often: it is carried out at a pace');
    if (waitMs > 0) await clock.sleep(waitMs, signal).catch(() => undefined);
    this.#pace.take(1, clock.monotonicMs());
    this.#isAsked = false;
  }

  async #round(): Promise<Round> {
    const { host, signal, logger } = this.#options;
    const state = await readState(host);
    const lost = state === undefined ? await lostState(host) : undefined;
    if (lost !== undefined) {
      this.#change({ phase: 'Degraded', fault: `${lost.code}: ${lost.message}` });
      return 'failed';
    }
    if (state === undefined || state.phase !== 'Joined') {
      this.#change({ phase: state?.phase === 'Leaving' ? 'Leaving' : 'Joining' });
      return 'busy';
    }
    if (this.#status.at === '') this.#remember(state);
    try {
      await this.#advance();
      return 'done';
    } catch (error) {
      if (signal.aborted) return 'done';
      if (error instanceof Fault && error.code === 'BUSY') return 'busy';
      // Whatever was asked for ends this round, never the agent: nobody could ask for something better then.
      if (!(error instanceof Fault)) tellDefect('reconcile', error);
      const detail = error instanceof Error ? error.message : String(error);
      const fault = error instanceof Fault ? error : new Fault('UNEXPECTED', { detail });
      logger.error({ code: fault.code, values: fault.values }, fault.message);
      this.#change({ phase: 'Degraded', fault: `${fault.code}: ${fault.message}` });
      return 'failed';
    }
  }

  /** Before the first look: a trial that the agent's end cut off is still one. */
  #remember({ desired, versions, settings: { trial } }: NodeState): void {
    const upgrades = trial ? [tryingSettingsNote({ ...trial, units: [] }, '', trial.since)] : [];
    const inUse = versionsOf(versionsInUse(desired, versions));
    this.#status = { ...this.#status, versions: inUse, upgrades };
  }

  async #advance(): Promise<void> {
    const { host, signal, logger, probe, gateway } = this.#options;
    const state = await readState(host);
    if (state === undefined) return;
    const source = this.#options.source(state.downloads, this.#desired ?? state.desired);
    const done = await advanceNode(host, {
      signal,
      probe,
      gateway,
      source,
      desired: () => this.#desired,
      reconcile: {
        source,
        signal,
        onPlan: (plan, round) => {
          this.#change({ phase: 'Configuring' });
          const titles = plan.steps.map(({ title, reason }) => `${title} (${reason})`);
          logger.info({ round, steps: titles }, 'plan');
        },
        onStep: (event) => {
          if (event.type === 'end')
            logger.info({ step: event.step.key, elapsedMs: event.elapsedMs }, 'step done');
        },
      },
      onTrial: (trial, missing) => {
        const note = tryingNote(trial, missing, this.#now());
        logger.info(
          { component: trial.component, from: note.from, to: note.to, missing },
          'trying a version',
        );
        const others = this.#status.upgrades.filter(({ component }) => component !== trial.component);
        this.#change({ phase: 'Configuring', upgrades: [...others, note] });
      },
      onVerdict: ({ component, from, to }, verdict) => {
        const values = { component, from: from.version, to: to.version };
        if (verdict instanceof Fault) logger.error({ ...values, code: verdict.code }, verdict.message);
        else logger.info({ ...values, verdict }, 'version tried');
      },
      onSettingsTrial: (trial, missing) => {
        logger.info({ ...trial, missing }, 'trying other settings');
        const others = this.#status.upgrades.filter(({ component }) => component !== settingsComponent);
        const note = tryingSettingsNote(trial, missing, this.#now());
        this.#change({ phase: 'Configuring', upgrades: [...others, note] });
      },
      onSettingsVerdict: ({ id }, verdict) => {
        if (verdict instanceof Fault) logger.error({ id, code: verdict.code }, verdict.message);
        else logger.info({ id, verdict }, 'settings tried');
      },
      onSwept: ({ removed, left }) => {
        for (const { path, sizeBytes } of removed)
          logger.info({ path, sizeBytes }, 'a download that nobody needs is removed');
        this.#change({ store: left });
      },
    });
    if (done === undefined) return;
    const { choice, steps, heldAgent } = done;
    if (done.isHandingOver) {
      logger.info('a new agent takes over');
      return;
    }
    const { driftPolicy, driftIntervalMs, revision } = choice.effective;
    this.#intervalMs = driftIntervalMs;
    for (const { key, reason } of done.drift) logger.warn({ key, reason, driftPolicy }, 'drift');
    const dropIns = standingDropIns(await foreignDropIns(host));
    const refused = [
      ...(done.heldSettings ? [heldSettingsNote(done.heldSettings)] : []),
      ...heldNotes(choice, heldAgent),
    ];
    const waiting = done.pending && this.#waitingNote(done.pending);
    const first = refused.find(({ state }) => state === 'rolled-back');
    this.#change({
      phase: first === undefined ? 'Running' : 'Degraded',
      ...(first === undefined && waiting === undefined ? { revision } : {}),
      at: this.#now(),
      steps,
      fault: first === undefined ? '' : `${first.code}: ${first.detail}`,
      versions: versionsOf(choice.effective),
      upgrades: [...refused, ...(waiting ? [waiting] : [])],
      ...(waiting ? {} : { apiServerAccess: choice.effective.apiServerAccess }),
      drift: nextDrift(this.#status.drift, done.drift, driftPolicy, this.#now(), dropIns),
    });
  }

  /** The same restart waits since it was first seen. */
  #waitingNote(pending: PendingRestart): VersionNote {
    const known = this.#status.upgrades.find(({ state, to }) => state === 'waiting' && to === pending.id);
    if (known !== undefined) return known;
    this.#options.logger.info(pending, "a restart waits for this node's turn");
    return waitingNote(pending, this.#now());
  }

  #now(): string {
    return new Date(this.#options.host.clock.nowMs()).toISOString();
  }

  #change(change: Partial<ReconcilerStatus>): void {
    const next = { ...this.#status, ...change };
    const told = ({ at: _, steps: __, ...rest }: ReconcilerStatus) => JSON.stringify(rest);
    const isNews = told(next) !== told(this.#status);
    this.#status = next;
    if (isNews) for (const listener of this.#listeners) listener(next);
  }

  #pauseMs(round: Round): number {
    if (round === 'busy') return busyPauseMs;
    if (round === 'done') return this.#intervalMs;
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

function versionsOf({ artifacts }: DesiredState): Record<string, string> {
  const programs = artifacts.filter(({ component }) => component !== 'images' && component !== 'agent');
  return Object.fromEntries(programs.map(({ component, version }) => [component, version]));
}
