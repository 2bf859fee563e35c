// How far each epoch of a node has come: the high-water mark that makes every record count once. A batch may lie below it
// (seen before), at it, or beyond (a gap, unless the agent says that it resumes after what another replica has).
import { type BatchHeader, batchFlag } from '../../protocol/telemetry/batch.ts';

export type Placement = 'next' | 'seen' | 'overlap' | 'gap';

export class HighWater {
  readonly #marks = new Map<number, number>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Of an epoch that is not known, everything is new: another replica, or an earlier life of this one, has what is before. */
  mark(epoch: number): number | undefined {
    return this.#marks.get(epoch);
  }

  /** `explainedFrom`: all between it and the batch's first record is accounted for by that record (a LOSS record). */
  place(batch: BatchHeader & { readonly nextSequence: number }, explainedFrom: number): Placement {
    const mark = this.#marks.get(batch.epoch);
    if (mark === undefined || batch.firstSequence === mark) return 'next';
    if (batch.nextSequence <= mark) return 'seen';
    if (batch.firstSequence < mark) return 'overlap';
    if (explainedFrom <= mark) return 'next';
    return (batch.flags & batchFlag.resumed) === 0 ? 'gap' : 'next';
  }

  raise(epoch: number, nextSequence: number): void {
    const mark = Math.max(this.#marks.get(epoch) ?? 0, nextSequence);
    this.#marks.delete(epoch);
    this.#marks.set(epoch, mark);
    if (this.#marks.size > this.#limit) {
      const [oldest] = this.#marks.keys();
      if (oldest !== undefined) this.#marks.delete(oldest);
    }
  }

  entries(): readonly (readonly [number, number])[] {
    return [...this.#marks];
  }
}
