// One measurement of one contender: records a second from the first record to the last that the consumer has
// read, and every record is really read. The consumer is this thread, the producer a fresh one.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { RingBuffer } from 'ringbuf.js';
import { RingConsumer } from '../../../agent/telemetry/ring/consumer.ts';
import { createRing, headerBytes } from '../../../agent/telemetry/ring/layout.ts';
import { headerColumns, type ProducerDone, type ProducerInput, type RingContender } from './contender.ts';

export interface RingSample {
  readonly recordsPerSecond: number;
  /** CPU time: it does not depend on who else uses the machine. */
  readonly producerNanosecondsPerRecord: number;
  readonly consumerNanosecondsPerRecord: number;
}

const capacityBytes = 4 * 1024 * 1024;
const pause = new Int32Array(new SharedArrayBuffer(4));
const pauseMs = 0.2;

export async function measureRing(
  contender: RingContender,
  records: number,
  columns: number,
): Promise<RingSample> {
  const reader = readers[contender](columns, records);
  const worker = new Worker(new URL('./producer.ts', import.meta.url), {
    workerData: { contender, memory: reader.memory, records, columns } satisfies ProducerInput,
  });
  const exited = once(worker, 'exit');
  const before = process.threadCpuUsage();
  const { nanoseconds, sum, producerNanoseconds } = await reader.read(worker);
  const { user, system } = process.threadCpuUsage(before);
  await exited;
  const expected = (records * (records - 1)) / 2;
  if (sum !== expected) throw new Error(`${contender}: the records add up to ${sum}, not ${expected}`);
  return {
    recordsPerSecond: records / (nanoseconds / 1e9),
    producerNanosecondsPerRecord: producerNanoseconds / records,
    consumerNanosecondsPerRecord: ((user + system) * 1000) / records,
  };
}

interface Read {
  readonly nanoseconds: number;
  readonly sum: number;
  readonly producerNanoseconds: number;
}

interface Reader {
  readonly memory: SharedArrayBuffer | undefined;
  read(worker: Worker): Promise<Read>;
}

const readers: Record<RingContender, (columns: number, records: number) => Reader> = {
  regnode(_columns, records) {
    const memory = createRing({ capacityBytes, epoch: 1 });
    const ring = new RingConsumer(memory);
    const data = new Float64Array(memory, headerBytes);
    const lengths = new Int32Array(memory, headerBytes);
    return blockingReader(memory, records, () => {
      let position = ring.position('free');
      let sum = 0;
      let count = 0;
      for (let run = ring.run(position, 1 << 16); run !== undefined; run = ring.run(position, 1 << 16)) {
        let offset = run.bytes.byteOffset - headerBytes;
        for (let left = run.count; left > 0; left -= 1) {
          sum += data[(offset + 16) >> 3] ?? 0;
          offset += lengths[offset >> 2] ?? 0;
        }
        count += run.count;
        position = run.end;
        ring.move('free', position);
      }
      return { sum, count };
    });
  },
  'ringbuf.js'(columns, records) {
    const length = columns + headerColumns;
    const memory = RingBuffer.getStorageForCapacity(capacityBytes / 8, Float64Array);
    const ring = new RingBuffer(memory, Float64Array);
    const batch = new Float64Array(length * 1024);
    return blockingReader(memory, records, () => {
      const whole = Math.floor(Math.min(ring.availableRead(), batch.length) / length) * length;
      const taken = whole === 0 ? 0 : ring.pop(batch, whole);
      let sum = 0;
      for (let index = 0; index < taken; index += length) sum += batch[index] ?? 0;
      return { sum, count: taken / length };
    });
  },
  postMessage(_columns, records) {
    return { memory: undefined, read: (worker) => readMessages(worker, records) };
  },
};

/**
 * Reads until it has all records, and sleeps a moment when there are none: the two rings are compared
 * without their ways of waiting.
 */
function blockingReader(
  memory: SharedArrayBuffer,
  records: number,
  take: () => { sum: number; count: number },
): Reader {
  return {
    memory,
    async read(worker) {
      const done = once(worker, 'message') as Promise<[ProducerDone]>;
      await once(worker, 'online');
      let sum = 0;
      let count = 0;
      let started = 0n;
      while (count < records) {
        const taken = take();
        if (count === 0 && taken.count > 0) started = process.hrtime.bigint();
        sum += taken.sum;
        count += taken.count;
        if (taken.count === 0) Atomics.wait(pause, 0, 0, pauseMs);
      }
      const nanoseconds = Number(process.hrtime.bigint() - started);
      const [{ cpuNanoseconds: producerNanoseconds }] = await done;
      return { nanoseconds, sum, producerNanoseconds };
    },
  };
}

function readMessages(worker: Worker, records: number): Promise<Read> {
  const finished = Promise.withResolvers<Read>();
  let started = 0n;
  let sum = 0;
  let count = 0;
  worker.on('message', (message: readonly number[] | ProducerDone) => {
    if ('kind' in message) {
      const nanoseconds = Number(process.hrtime.bigint() - started);
      finished.resolve({ nanoseconds, sum, producerNanoseconds: message.cpuNanoseconds });
      if (count !== records) finished.reject(new Error(`${count} of ${records} messages`));
      return;
    }
    if (count === 0) started = process.hrtime.bigint();
    sum += message[0] ?? 0;
    count += 1;
  });
  return finished.promise;
}
