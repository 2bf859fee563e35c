// One round of all collectors. A family that fails costs one counted error and its own values of this round,
// nothing else; how long each took and whether it worked are metrics themselves.
import type { Procfs } from '../../host/procfs.ts';
import { type Collector, counter, gauge, type RecordShape } from './collector.ts';
import type { GroupSink } from './group-sink.ts';

export const roundShape: RecordShape = {
  family: 'collectors',
  labelNames: ['collector'],
  columns: [
    gauge('node_scrape_collector_duration_seconds'),
    gauge('node_scrape_collector_success'),
    counter('regnode_agent_collector_faults_total'),
  ],
};

export interface RoundClock {
  nowMs(): number;
  monotonicMs(): number;
}

export class Rounds {
  readonly #collectors: readonly Collector[];
  readonly #procfs: Procfs;
  readonly #sink: GroupSink;
  readonly #clock: RoundClock;
  readonly #startMs: number;
  readonly #faults = new Map<string, number>();

  /** `startMs` is the monotonic time at which the ring's Δms are 0. */
  constructor(
    collectors: readonly Collector[],
    procfs: Procfs,
    sink: GroupSink,
    clock: RoundClock,
    startMs: number,
  ) {
    this.#collectors = collectors;
    this.#procfs = procfs;
    this.#sink = sink;
    this.#clock = clock;
    this.#startMs = startMs;
  }

  run(): void {
    this.#sink.startTick(Math.floor(this.#clock.monotonicMs() - this.#startMs));
    for (const collector of this.#collectors) this.#collect(collector);
    this.#sink.endTick();
  }

  #collect(collector: Collector): void {
    const startedMs = this.#clock.monotonicMs();
    let faults = 0;
    let succeeded = 1;
    try {
      collector.collect({
        procfs: this.#procfs,
        sink: this.#sink,
        nowMs: this.#clock.nowMs(),
        monotonicMs: startedMs,
        fault: () => {
          faults += 1;
        },
      });
    } catch {
      succeeded = 0;
      faults += 1;
    }
    const total = (this.#faults.get(collector.name) ?? 0) + faults;
    this.#faults.set(collector.name, total);
    // Whole microseconds: what is finer is noise, and eight bytes on the wire instead of two.
    const seconds = Math.round((this.#clock.monotonicMs() - startedMs) * 1000) / 1e6;
    this.#sink.put(roundShape, [collector.name], [seconds, succeeded, total]);
  }
}
