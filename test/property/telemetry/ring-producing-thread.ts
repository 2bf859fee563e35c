// A producer on a thread of its own: random sizes, random stalls. Every column follows from the record's own
// number, so a torn or a mixed-up record shows itself. It says at the end how many records it began.
import { parentPort, workerData } from 'node:worker_threads';
import { RingProducer } from '../../../agent/telemetry/ring/producer.ts';
import { recordClass } from '../../../protocol/telemetry/record.ts';
import { columnOf, type ProducingInput, Random } from './ring-content.ts';

const input = workerData as ProducingInput;
const producer = new RingProducer(input.memory);
const random = new Random(input.seed);
const pause = new Int32Array(new SharedArrayBuffer(4));

const { first: firstRecord = 0 } = input;
const end = firstRecord + input.records;
let begun = firstRecord;
let lost = 0;
while (begun < end) {
  const burst = 1 + random.below(input.burst);
  for (let index = 0; index < burst && begun < end; index += 1) {
    const columns = random.below(input.columnLimit + 1);
    const kind = random.below(4) === 0 ? recordClass.schema : recordClass.metric;
    const first = producer.begin(kind, columns, begun, columns);
    if (first < 0) lost += 1;
    for (let column = 0; first >= 0 && column < columns; column += 1) {
      producer.columns[first + column] = columnOf(begun, column);
    }
    begun += 1;
    // Now and then one is taken back and made again.
    if (first >= 0 && random.below(16) === 0) {
      producer.cancel();
      begun -= 1;
    }
  }
  producer.publish();
  if (input.stallMs > 0 && random.below(64) === 0) Atomics.wait(pause, 0, 0, random.below(input.stallMs + 1));
}
// The last loss is reported too, as soon as there is room.
const deadline = Date.now() + 10_000;
while (producer.hasUnreportedLoss && Date.now() < deadline) {
  Atomics.wait(pause, 0, 0, 1);
  producer.publish();
}
parentPort?.postMessage({ begun: begun - firstRecord, lost });
