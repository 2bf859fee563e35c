// What the intake counts about itself. Every batch, record and heartbeat that arrives
// ends in exactly one of these.
import { lossReason } from '../../protocol/telemetry/record.ts';
import { type RefusalReason, refusalReasons } from '../../protocol/telemetry/refusal.ts';

export interface OwnMetric {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export class SelfMetrics {
  batches = 0;
  batchBytes = 0;
  records = 0;
  samples = 0;
  /** Records that had come before: the agent sent them again. */
  duplicates = 0;
  /** Lost on the node, as its LOSS records say, by their reason. */
  readonly #lost = new Map<string, number>(Object.keys(lossReason).map((reason) => [reason, 0]));
  /** Holes in a node's sequence that no LOSS record explains. */
  unexplained = 0;
  gaps = 0;
  heartbeats = 0;
  readonly refusals = new Map<RefusalReason, number>(refusalReasons.map((reason) => [reason, 0]));

  get reportedLost(): number {
    return [...this.#lost.values()].reduce((sum, count) => sum + count, 0);
  }

  lose(reason: string, records: number): void {
    this.#lost.set(reason, (this.#lost.get(reason) ?? 0) + records);
  }

  /** How many refusals there were, and why the last. */
  refused = 0;
  lastRefusal: RefusalReason | undefined;

  refuse(reason: RefusalReason): void {
    this.refused += 1;
    this.lastRefusal = reason;
    this.refusals.set(reason, (this.refusals.get(reason) ?? 0) + 1);
  }

  /** `nodes` and `series` are what is held now. */
  values(nodes: number, series: number): OwnMetric[] {
    const plain = [
      ['batches_total', 'counter', this.batches],
      ['batch_bytes_total', 'counter', this.batchBytes],
      ['records_total', 'counter', this.records],
      ['samples_total', 'counter', this.samples],
      ['duplicate_records_total', 'counter', this.duplicates],
      ['unexplained_records_total', 'counter', this.unexplained],
      ['gaps_total', 'counter', this.gaps],
      ['heartbeats_total', 'counter', this.heartbeats],
      ['nodes', 'gauge', nodes],
      ['series', 'gauge', series],
    ] as const;
    return [
      ...plain.map(([name, type, value]) => ({ name: prefix + name, type, labels: {}, value })),
      ...[...this.#lost].map(([reason, value]) => ({
        name: `${prefix}lost_records_total`,
        type: 'counter' as const,
        labels: { reason },
        value,
      })),
      ...[...this.refusals].map(([reason, value]) => ({
        name: `${prefix}refusals_total`,
        type: 'counter' as const,
        labels: { reason },
        value,
      })),
    ];
  }
}

const prefix = 'regnode_gateway_telemetry_';
