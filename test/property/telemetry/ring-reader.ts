// Reads a ring to the end of what is published and checks every record: order, content, and that each hole in
// the sequence is the range of the LOSS record right behind it.

import type { RingConsumer } from '../../../agent/telemetry/ring/consumer.ts';
import { RecordCursor } from '../../../protocol/telemetry/cursor.ts';
import { lossColumn, recordClass } from '../../../protocol/telemetry/record.ts';
import { columnOf } from './ring-content.ts';

export class CheckingReader {
  position: number;
  readRecords = 0;
  metricRecords = 0;
  reportedLost = 0;
  readonly #ring: RingConsumer;
  #expected: number;
  #lastBegun = -1;

  constructor(ring: RingConsumer, startSequence: number) {
    this.#ring = ring;
    this.position = ring.position('free');
    this.#expected = startSequence >>> 0;
  }

  /** One run, or undefined when all is read. Throws at the first thing that is wrong. */
  readRun(limitBytes: number): number | undefined {
    const run = this.#ring.run(this.position, limitBytes);
    if (run === undefined) return undefined;
    const cursor = new RecordCursor(run.bytes);
    let count = 0;
    while (cursor.next()) {
      count += 1;
      this.#check(cursor);
    }
    if (cursor.refusal !== undefined) throw new Error(`malformed record: ${cursor.refusal}`);
    if (count !== run.count) throw new Error(`a run of ${run.count} holds ${count} records`);
    this.position = run.end;
    return count;
  }

  #check(cursor: RecordCursor): void {
    const hole = (cursor.sequence - this.#expected) >>> 0;
    if (hole > 0 || cursor.recordClass === recordClass.loss) this.#checkLoss(cursor, hole);
    this.#expected = (cursor.sequence + 1) >>> 0;
    this.readRecords += 1;
    if (cursor.recordClass === recordClass.loss) return;
    this.metricRecords += 1;
    if (cursor.deltaMs <= this.#lastBegun) throw new Error(`${cursor.deltaMs} after ${this.#lastBegun}`);
    this.#lastBegun = cursor.deltaMs;
    if (cursor.schema !== cursor.columnCount) throw new Error('the header does not belong to these columns');
    for (let column = 0; column < cursor.columnCount; column += 1) {
      if (cursor.column(column) !== columnOf(cursor.deltaMs, column)) throw new Error('a torn record');
    }
  }

  #checkLoss(cursor: RecordCursor, hole: number): void {
    if (cursor.recordClass !== recordClass.loss) throw new Error(`a hole of ${hole} without a LOSS record`);
    const first = cursor.column(lossColumn.first);
    const count = cursor.column(lossColumn.count);
    if (first !== this.#expected || count !== hole) {
      throw new Error(`LOSS of ${count} from ${first} at a hole of ${hole} from ${this.#expected}`);
    }
    this.reportedLost += count;
  }
}
