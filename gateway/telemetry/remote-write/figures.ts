// What remote-write counts about itself. A sample that was given to it is pending, stored, or dropped for one
// of these reasons; `given = pending + stored + dropped`, whenever it is asked.
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Sample } from './write-request.ts';

const dropReasons = [
  /** The store did not keep up; the oldest went. */
  'queue-full',
  /** The store answered 4xx. */
  'refused',
  /** The node's clock is far ahead of ours: one such sample would make a store refuse everybody else's. */
  'future',
  /** The gateway was stopped before the store had answered. */
  'stopped',
] as const;
export type DropReason = (typeof dropReasons)[number];

export class RemoteWriteFigures {
  given = 0;
  storedSamples = 0;
  bytes = 0;
  /** In the request that is under way. */
  inFlight = 0;
  newestStoredMs = 0;
  readonly dropped = new Map<DropReason, number>(dropReasons.map((reason) => [reason, 0]));
  readonly requests = new Map<string, number>([
    ['stored', 0],
    ['again', 0],
    ['refused', 0],
  ]);

  /** Lost before it was tried. */
  drop(reason: 'queue-full' | 'future', samples: number): void {
    this.#lose(reason, samples);
  }

  /** Taken out of a queue: from now on under way, until one of the next two. */
  taken(samples: number): void {
    this.inFlight += samples;
  }

  gaveUp(reason: 'refused' | 'stopped', samples: number): void {
    this.inFlight -= samples;
    this.#lose(reason, samples);
  }

  stored(samples: readonly Sample[]): void {
    this.inFlight -= samples.length;
    this.storedSamples += samples.length;
    for (const { timestampMs } of samples) this.newestStoredMs = Math.max(this.newestStoredMs, timestampMs);
  }

  request(outcome: string, bytes: number): void {
    this.requests.set(outcome, (this.requests.get(outcome) ?? 0) + 1);
    this.bytes += bytes;
  }

  /** Shows them with the gateway's own metrics. */
  register(registry: Registry, pending: () => number): void {
    const prefix = 'regnode_gateway_remote_write_';
    const registers = [registry];
    const total = (name: string, help: string, value: () => number) =>
      new Counter({
        name: `${prefix}${name}`,
        help,
        registers,
        collect() {
          this.reset();
          this.inc(value());
        },
      });
    const totals = (name: string, help: string, label: string, values: ReadonlyMap<string, number>) =>
      new Counter({
        name: `${prefix}${name}`,
        help,
        labelNames: [label],
        registers,
        collect() {
          this.reset();
          for (const [key, value] of values) this.inc({ [label]: key }, value);
        },
      });
    const gauge = (name: string, help: string, value: () => number) =>
      new Gauge({
        name: `${prefix}${name}`,
        help,
        registers,
        collect() {
          this.set(value());
        },
      });
    total('samples_total', 'Samples given to remote-write.', () => this.given);
    total('samples_stored_total', 'Samples that the store has taken.', () => this.storedSamples);
    totals('samples_dropped_total', 'Samples that are lost, by reason.', 'reason', this.dropped);
    gauge('samples_pending', 'Samples that wait or are under way.', pending);
    totals('requests_total', 'Requests, by outcome.', 'outcome', this.requests);
    total('bytes_total', 'Compressed bytes of all requests.', () => this.bytes);
    gauge('newest_timestamp_seconds', 'Of the newest sample stored.', () => this.newestStoredMs / 1000);
  }

  #lose(reason: DropReason, samples: number): void {
    this.dropped.set(reason, (this.dropped.get(reason) ?? 0) + samples);
  }
}
