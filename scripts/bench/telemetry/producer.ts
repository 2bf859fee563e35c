// The producing thread of the ring's benchmark: the same numbers through whichever contender it is told. It
// waits when there is no room, so that no record is lost and all are counted.
import { parentPort, workerData } from 'node:worker_threads';
import { RingBuffer } from 'ringbuf.js';
import { RingProducer } from '../../../agent/telemetry/ring/producer.ts';
import { type Description, encodeDescription } from '../../../protocol/telemetry/description.ts';
import { recordClass } from '../../../protocol/telemetry/record.ts';
import { headerColumns, type ProducerDone, type ProducerInput, type RingContender } from './contender.ts';

const input = workerData as ProducerInput;
const port = parentPort;
const pause = new Int32Array(new SharedArrayBuffer(4));
/** Who finds no room sleeps: on a machine with few cores the time belongs to the other side. */
const pauseMs = 0.2;

const runs: Record<RingContender, () => void> = {
  regnode() {
    const producer = new RingProducer(input.memory as SharedArrayBuffer);
    const { columns } = producer;
    if (input.describes)
      producer.write(recordClass.schema, 1, 0, encodeDescription(benchDescription(input.columns)));
    for (let record = 0; record < input.records; record += 1) {
      while (!producer.fits(input.columns)) Atomics.wait(pause, 0, 0, pauseMs);
      const first = producer.begin(recordClass.metric, 1, record, input.columns);
      for (let column = 0; column < input.columns; column += 1) columns[first + column] = record;
    }
    producer.publish();
  },
  'ringbuf.js'() {
    const ring = new RingBuffer(input.memory as SharedArrayBuffer, Float64Array);
    const length = input.columns + headerColumns;
    const record = new Float64Array(length);
    for (let number = 0; number < input.records; number += 1) {
      for (let column = 0; column < length; column += 1) record[column] = number;
      while (ring.availableWrite() < length) Atomics.wait(pause, 0, 0, pauseMs);
      ring.push(record, length);
    }
  },
  postMessage() {
    const length = input.columns + headerColumns;
    for (let number = 0; number < input.records; number += 1) {
      port?.postMessage(new Array<number>(length).fill(number));
    }
  },
};

const before = process.threadCpuUsage();
runs[input.contender]();
const { user, system } = process.threadCpuUsage(before);
const done: ProducerDone = { kind: 'done', cpuNanoseconds: (user + system) * 1000 };
port?.postMessage(done);

function benchDescription(columns: number): Description {
  const names = Array.from({ length: columns }, (_, index) => ({
    name: `bench_${index}`,
    type: 'gauge' as const,
  }));
  return { family: 'bench', intervalMs: 1000, labels: {}, columns: names };
}
