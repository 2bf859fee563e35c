// One measurement end to end: from a producing thread (or this one) over a real websocket to another process
// and back, until the last record is acknowledged.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { WebSocket } from 'ws';
import { createRing } from '../../../agent/telemetry/ring/layout.ts';
import { Shipper } from '../../../agent/telemetry/shipper/shipper.ts';
import type { TelemetryChannel } from '../../../protocol/messages/session.ts';
import type { ProducerInput } from './contender.ts';
import { websocketOptions } from './websocket-options.ts';

export interface TelemetrySample {
  readonly recordsPerSecond: number;
  /** CPU time of this process (producer, shipper, masking) per acknowledged record. */
  readonly agentCpuNanosecondsPerRecord: number;
  readonly unaccounted: number;
}

interface Taken {
  readonly records: number;
  readonly duplicates: number;
  readonly unexplained: number;
  readonly reportedLost: number;
}

const windowMessages = 4096;
const bufferedLimitBytes = 1 << 20;
const part = { binary: true, fin: false } as const;
const whole = { binary: true, fin: true } as const;

export class Receiver {
  readonly #child: ChildProcess;
  readonly port: number;

  static async start(): Promise<Receiver> {
    const child = fork(new URL('./receiver.ts', import.meta.url), {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const [{ port }] = (await once(child, 'message')) as [{ port: number }];
    return new Receiver(child, port);
  }

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  /** Closes the connection and waits for the far end's own count. */
  async finish(websocket: WebSocket): Promise<Taken> {
    const taken = once(this.#child, 'message') as Promise<[Taken]>;
    websocket.close();
    return (await taken)[0];
  }

  async stop(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.disconnect();
    await exited;
  }
}

export async function measureRegnode(receiver: Receiver, records: number): Promise<TelemetrySample> {
  const websocket = await connect(receiver.port, '/batches');
  const memory = createRing({ capacityBytes: 4 << 20, epoch: 1 });
  const abort = new AbortController();
  const clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() };
  const channel = channelOver(websocket);
  const shipper = new Shipper({ memory, channel, clock, startMs: clock.monotonicMs() });
  const input: ProducerInput = { contender: 'regnode', memory, records, columns: 6, describes: true };
  const worker = new Worker(new URL('./producer.ts', import.meta.url), { workerData: input });
  await once(worker, 'online');
  const meter = startMeter();
  const running = shipper.run(abort.signal);
  // The description is a record too.
  while (shipper.account().acknowledged < records + 1) await new Promise((resolve) => setTimeout(resolve, 1));
  const sample = meter(records);
  abort.abort();
  await running;
  await worker.terminate();
  const { produced, acknowledged, lost } = shipper.account();
  const taken = await receiver.finish(websocket);
  const unaccounted = produced - acknowledged - lost + (acknowledged - taken.records) + taken.unexplained;
  return { ...sample, unaccounted: Math.abs(unaccounted) + taken.duplicates };
}

/** `group`: so many messages are acknowledged with one answer; the number of records is a multiple of it. */
export async function measureJsonMessages(
  receiver: Receiver,
  records: number,
  group: number,
): Promise<TelemetrySample> {
  const websocket = await connect(receiver.port, `/messages/${group}`);
  let acknowledged = 0;
  let wake = () => {};
  websocket.on('message', (data: Buffer) => {
    acknowledged = (JSON.parse(data.toString()) as { acknowledged: number }).acknowledged;
    wake();
  });
  const meter = startMeter();
  for (let record = 0; record < records; record += 1) {
    websocket.send(JSON.stringify({ schema: 1, deltaMs: record, values: new Array<number>(6).fill(record) }));
    while (record - acknowledged >= windowMessages) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }
  while (acknowledged < records) {
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
  const sample = meter(records);
  const taken = await receiver.finish(websocket);
  return { ...sample, unaccounted: records - taken.records };
}

function startMeter(): (records: number) => Omit<TelemetrySample, 'unaccounted'> {
  const startedMs = performance.now();
  const cpu = process.cpuUsage();
  return (records) => {
    const { user, system } = process.cpuUsage(cpu);
    return {
      recordsPerSecond: records / ((performance.now() - startedMs) / 1000),
      agentCpuNanosecondsPerRecord: ((user + system) * 1000) / records,
    };
  };
}

async function connect(port: number, path: string): Promise<WebSocket> {
  const websocket = new WebSocket(`ws://127.0.0.1:${port}${path}`, websocketOptions);
  await once(websocket, 'open');
  return websocket;
}

function channelOver(websocket: WebSocket): TelemetryChannel {
  return {
    sendBatch(pieces, sent) {
      if (websocket.bufferedAmount > bufferedLimitBytes) return false;
      const last = pieces.length - 1;
      for (let index = 0; index < last; index += 1) websocket.send(pieces[index] as Uint8Array, part);
      websocket.send(pieces[last] as Uint8Array, whole, sent);
      return true;
    },
    setHeartbeat() {},
    onAcknowledgement(listener) {
      websocket.on('message', (payload: Buffer) => listener(payload));
    },
  };
}
