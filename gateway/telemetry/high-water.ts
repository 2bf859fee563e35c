// How far each epoch of a node has come: the high-water mark that makes every record count once. A
// batch may lie below it (seen before), at it, or beyond (a gap, unless the agent says that it resumes
// after what another replica has).
import { type BatchHeader, batchFlag } from '../../protocol/telemetry/batch.ts';

export type Placement = 'next' | 'seen' | 'overlap' | 'gap';

/**
 * What became of the records of an epoch, in records: next - from = taken + lost +
 * elsewhere + unexplained, exactly.
 */
export interface EpochAccount {
  /** The first that this gateway heard of. */
  readonly from: number;
  /** The high-water mark: one more than the last. */
  next: number;
  taken: number;
  /** By reason, as the node's LOSS records say. */
  readonly lost: Map<string, number>;
  /** Another gateway, or an earlier life of this one, has acknowledged them: so the node says. */
  elsewhere: number;
  unexplained: number;
}

export class HighWater {
  readonly #marks = new Map<number, EpochAccount>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Of an epoch that is not known, everything is new: another replica, or an earlier life of
   * this one, has what is before.
   */
  mark(epoch: number): number | undefined {
    return this.#marks.get(epoch)?.next;
  }

  /**
   * `explainedFrom`: all between it and the batch's first record is accounted for by
   * that record (a LOSS record).
   */
  place(batch: BatchHeader & { readonly nextSequence: number }, explainedFrom: number): Placement {
    const mark = this.mark(batch.epoch);
    if (mark === undefined || batch.firstSequence === mark) return 'next';
    if (batch.nextSequence <= mark) return 'seen';
    if (batch.firstSequence < mark) return 'overlap';
    if (explainedFrom <= mark) return 'next';
    return (batch.flags & batchFlag.resumed) === 0 ? 'gap' : 'next';
  }

  /** The account of an epoch that is about to be raised; of a new one from this sequence on. */
  account(epoch: number, from: number): EpochAccount {
    let account = this.#marks.get(epoch);
    if (account === undefined) {
      account = { from, next: from, taken: 0, lost: new Map(), elsewhere: 0, unexplained: 0 };
      if (this.#marks.size >= this.#limit) {
        const [oldest] = this.#marks.keys();
        if (oldest !== undefined) this.#marks.delete(oldest);
      }
    } else {
      this.#marks.delete(epoch);
    }
    // The one used least recently is the first to go.
    this.#marks.set(epoch, account);
    return account;
  }

  entries(): readonly (readonly [number, EpochAccount])[] {
    return [...this.#marks];
  }
}
