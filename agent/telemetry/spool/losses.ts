// What the spool had to give up and the gateway has not been told of yet: ranges of sequences, each with
// its reason. Ranges that follow on each other are one. The list is bounded by what fits into the cursor;
// the oldest epoch's go first.
import { cursorListLimit, type SpoolLoss } from './cursor.ts';

export class Losses {
  #list: readonly SpoolLoss[];

  constructor(list: readonly SpoolLoss[]) {
    this.#list = list;
  }

  get list(): readonly SpoolLoss[] {
    return this.#list;
  }

  add(loss: SpoolLoss): void {
    const before = this.#list.find(
      ({ epoch, first, count }) => epoch === loss.epoch && first + count === loss.first,
    );
    const joined =
      before === undefined
        ? loss
        : { ...before, count: before.count + loss.count, reason: before.reason | loss.reason };
    this.#list = [...this.#list.filter((other) => other !== before), joined].slice(-cursorListLimit);
  }

  /** The one that has to be told before a record of that sequence. */
  before(epoch: number, sequence: number): SpoolLoss | undefined {
    return this.#list.find((loss) => loss.epoch === epoch && loss.first <= sequence);
  }

  /** One that no block will come behind: its epoch is none of these. */
  outside(epochs: ReadonlySet<number>): SpoolLoss | undefined {
    return this.#list.find(({ epoch }) => !epochs.has(epoch));
  }

  remove(loss: SpoolLoss): void {
    this.#list = this.#list.filter((other) => other !== loss);
  }
}
