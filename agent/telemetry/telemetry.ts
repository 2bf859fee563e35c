// Telemetry of one agent: starts the collecting thread over a fresh ring, ships what it produces, and beats
// the heart. It lives as long as the daemon, across any number of tunnel sessions; a collecting thread that
// dies is replaced over the same ring, so nothing that was published is lost with it, and the rest is
// counted and reported as lost.
import { Worker } from 'node:worker_threads';
import type { Logger } from 'pino';
import { background } from '../../protocol/defect.ts';
import type { TelemetryChannel } from '../../protocol/messages/session.ts';
import { sharedClock } from '../host/procfs.ts';
import type { SpoolDisk } from '../host/spool-files.ts';
import type { LineMeasurement } from '../state/line-measurement.ts';
import { type LineValues, lineValues } from './collectors/line.ts';
import { type HeartbeatProbe, HeartbeatSender } from './heartbeat/heartbeat.ts';
import { VitalsSlot } from './heartbeat/slot.ts';
import { nowAndThen } from './now-and-then.ts';
import { Rhythm } from './rhythm.ts';
import { createRing } from './ring/layout.ts';
import { type TelemetrySettings, telemetrySettings } from './settings.ts';
import type { TelemetryAccount } from './shipper/account.ts';
import { Shipper } from './shipper/shipper.ts';
import { Spool } from './spool/spool.ts';
import { type WorkerInput, type WorkerMessage, workerUrl } from './worker-input.ts';

interface TelemetryIntervals {
  readonly heartbeatIntervalMs: number;
  readonly metricsIntervalMs: number;
}

export interface TelemetryOptions {
  readonly channel: TelemetryChannel;
  readonly intervals: TelemetryIntervals;
  readonly heartbeatProbe: HeartbeatProbe;
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>;
  readonly signal: AbortSignal;
  /** Stands for `/`; default `/`. */
  readonly root?: string;
  /**
   * Where records wait on the disk that the gateway has not acknowledged; without
   * it they wait in memory only.
   */
  readonly spool?: { readonly disk: SpoolDisk };
  readonly settings?: TelemetrySettings;
}

export interface Telemetry {
  /** To be called whenever the tunnel has a new session: what is not acknowledged goes out again. */
  resend(): void;
  setIntervals(intervals: TelemetryIntervals): void;
  /** The last look at the private line; the same one again is no news. */
  lineMeasured(measurement: LineMeasurement | undefined): void;
  account(): TelemetryAccount;
  /** Resolves when the signal has ended everything. */
  readonly stopped: Promise<void>;
}

/** How often to look whether the collecting thread has sampled for the first time. */
const firstSampleMs = 20;
/** A gateway may change its mind as often as it likes. */
const intervalsEveryMs = 1000;
const restartFloorMs = 1000;
const restartCapMs = 60_000;
const healthyMs = 60_000;
/** Each thread's schema numbers begin in another thousand. */
const schemasPerThread = 1000;

export function startTelemetry(options: TelemetryOptions): Telemetry {
  const { channel, signal, logger } = options;
  const settings = options.settings ?? telemetrySettings({});
  const memory = createRing({ capacityBytes: settings.ringBytes, epoch: newEpoch() });
  const slot = new VitalsSlot();
  const startMs = sharedClock.monotonicMs();
  let spool: Spool | undefined;
  const shipper = new Shipper({
    memory,
    channel,
    clock: sharedClock,
    startMs,
    newEpoch,
    spool: (parts) => {
      const limits = { capBytes: settings.spoolCapBytes, freeFloorBytes: settings.spoolFreeFloorBytes };
      spool = options.spool && new Spool({ ...parts, ...options.spool, limits, channel, logger });
      return spool;
    },
  });
  const heart = new HeartbeatSender(channel, slot, options.heartbeatProbe, () => shipper.account());
  const rhythm = new Rhythm(
    sharedClock,
    (callback, milliseconds) => setTimeout(callback, milliseconds).unref(),
    () => heart.beat(sharedClock.nowMs()),
  );
  const shared = { ring: memory, vitals: slot.memory, startMs };
  const collecting = new CollectingThread(options, shared, () => shipper.producerEnded());

  let lineMeasuredAt = '';
  let { heartbeatIntervalMs } = options.intervals;
  const beatOnceSampled = () => {
    if (signal.aborted) return;
    if (slot.read().sampledAtMs > 0) rhythm.start(heartbeatIntervalMs);
    else setTimeout(beatOnceSampled, firstSampleMs).unref();
  };
  collecting.start();
  beatOnceSampled();
  const shipping = shipper.run(signal);
  // The spool ends last: it writes what the collecting thread has published before its end.
  const spoolAbort = new AbortController();
  const spooling = spool?.run(spoolAbort.signal);
  background(
    'collecting thread',
    collecting.stopped.then(() => spoolAbort.abort()),
  );
  signal.addEventListener('abort', () => rhythm.stop(), { once: true });
  return {
    resend: () => shipper.resend(),
    setIntervals: nowAndThen(intervalsEveryMs, (intervals: TelemetryIntervals) => {
      collecting.setIntervals(intervals);
      heartbeatIntervalMs = intervals.heartbeatIntervalMs;
      if (rhythm.intervalMs !== 0 && rhythm.intervalMs !== heartbeatIntervalMs)
        rhythm.start(heartbeatIntervalMs);
    }),
    lineMeasured: (measurement) => {
      if (measurement === undefined || measurement.at === lineMeasuredAt) return;
      lineMeasuredAt = measurement.at;
      collecting.lineMeasured(lineValues(measurement));
    },
    account: () => shipper.account(),
    stopped: Promise.all([shipping, collecting.stopped, spooling]).then(() => undefined),
  };
}

/**
 * Milliseconds since 1970 and twelve random bits: rises with time, and is new even
 * after the clock was set back.
 */
function newEpoch(): number {
  return Math.floor(sharedClock.nowMs()) * 4096 + Math.floor(Math.random() * 4096);
}

type SharedMemory = Pick<WorkerInput, 'ring' | 'vitals' | 'startMs'>;

class CollectingThread {
  readonly #options: TelemetryOptions;
  readonly #memory: SharedMemory;
  readonly #onEnd: () => void;
  readonly #ended = Promise.withResolvers<void>();
  #intervals: TelemetryIntervals;
  #worker: Worker | undefined;
  #starts = 0;
  #backoffMs = restartFloorMs;

  constructor(options: TelemetryOptions, memory: SharedMemory, onEnd: () => void) {
    this.#options = options;
    this.#memory = memory;
    this.#onEnd = onEnd;
    this.#intervals = options.intervals;
    options.signal.addEventListener('abort', () => this.#stop(), { once: true });
  }

  get stopped(): Promise<void> {
    return this.#ended.promise;
  }

  start(): void {
    if (this.#options.signal.aborted) {
      this.#ended.resolve();
      return;
    }
    const startedMs = sharedClock.monotonicMs();
    const worker = new Worker(workerUrl(), {
      workerData: {
        ...this.#memory,
        ...this.#intervals,
        root: this.#options.root ?? '/',
        lastSchema: (this.#starts * schemasPerThread) % 60_000,
      } satisfies WorkerInput,
      name: 'telemetry',
      resourceLimits: { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 4 },
    });
    this.#starts += 1;
    this.#worker = worker;
    worker.on('error', (error) => this.#options.logger.error({ err: error }, 'the collecting thread failed'));
    worker.on('exit', () => {
      this.#worker = undefined;
      this.#onEnd();
      if (this.#options.signal.aborted) this.#ended.resolve();
      else this.#restart(sharedClock.monotonicMs() - startedMs);
    });
  }

  setIntervals(intervals: TelemetryIntervals): void {
    this.#intervals = intervals;
    this.#post({ kind: 'intervals', ...intervals });
  }

  lineMeasured(values: LineValues): void {
    this.#post({ kind: 'line', values });
  }

  #restart(livedMs: number): void {
    if (livedMs > healthyMs) this.#backoffMs = restartFloorMs;
    const delayMs = this.#backoffMs * (0.5 + Math.random() / 2);
    this.#backoffMs = Math.min(restartCapMs, this.#backoffMs * 2);
    this.#options.logger.warn({ delayMs: Math.round(delayMs) }, 'the collecting thread is started again');
    setTimeout(() => this.start(), delayMs).unref();
  }

  #stop(): void {
    if (this.#worker === undefined) this.#ended.resolve();
    else this.#post({ kind: 'stop' });
  }

  #post(message: WorkerMessage): void {
    this.#worker?.postMessage(message);
  }
}
