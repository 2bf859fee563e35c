// What is written of the streams that nodes open: a record for each, as long as there are no more than a
// kubelet makes. What goes beyond is counted for its node and written as one sum a minute, at the end of the
// next stream of whichever node.
import { TokenBuckets } from '../../protocol/rate/token-bucket.ts';
import type { StreamAudit } from '../../protocol/tunnel/audit.ts';

export interface StreamSum {
  readonly node: string;
  /** When the first of them was opened. */
  readonly openedAt: string;
  streams: number;
  bytesToTarget: number;
  bytesFromTarget: number;
}

/** Of one node. A kubelet uses ten connections, and makes all of them anew after an outage. */
const records = { burst: 120, perSecond: 1 };
const intervalMs = 60_000;

export class StreamSums {
  readonly #records: TokenBuckets;
  /** In the order in which they began. */
  readonly #sums = new Map<string, { readonly sinceMs: number; readonly sum: StreamSum }>();
  readonly #write: (sum: StreamSum) => void;

  constructor(rememberedNodes: number, write: (sum: StreamSum) => void) {
    this.#records = new TokenBuckets(records, rememberedNodes);
    this.#write = write;
  }

  /** True: it is part of a sum, and not to be written. */
  takes(record: StreamAudit, nowMs: number): boolean {
    this.#writeDue(nowMs);
    const { node, openedAt, bytesToTarget, bytesFromTarget } = record;
    if (this.#records.take(node, 1, nowMs)) return false;
    const known = this.#sums.get(node)?.sum;
    const sum = known ?? { node, openedAt, streams: 0, bytesToTarget: 0, bytesFromTarget: 0 };
    if (known === undefined) this.#sums.set(node, { sinceMs: nowMs, sum });
    sum.streams += 1;
    sum.bytesToTarget += bytesToTarget;
    sum.bytesFromTarget += bytesFromTarget;
    return true;
  }

  #writeDue(nowMs: number): void {
    for (const [node, { sinceMs, sum }] of this.#sums) {
      if (nowMs - sinceMs < intervalMs) return;
      this.#sums.delete(node);
      this.#write(sum);
    }
  }
}
