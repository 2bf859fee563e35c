// What remote-write costs the gateway of 5,000 nodes while its store is away for an hour: the intake
// and remote-write as they are, a store whose port is closed, an hour of rounds one after the other
// on a clock that is moved by hand; then the store is back. Each part is a process of its own, so
// that memory is nobody else's.
//
//   npm run bench:remote-write -- --json      --nodes N, --minutes N
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs, promisify } from 'node:util';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { TelemetryIntake } from '../../gateway/telemetry/intake.ts';
import { RemoteWrite } from '../../gateway/telemetry/remote-write/remote-write.ts';
import { type Figures, printResult } from './figures.ts';
import { SampleSource, samplesPerRound } from './gateway/sample-source.ts';

const { values: flags } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    nodes: { type: 'string', default: '5000' },
    minutes: { type: 'string', default: '60' },
    part: { type: 'string' },
  },
});
const nodes = Number(flags.nodes);
const rounds = Number(flags.minutes) * 6;
const roundMs = 10_000;
const clock = { nowMs: 1_800_000_000_000 };

if (flags.part === undefined) await compare();
else {
  const part = flags.part === 'plain' ? await plain() : await outage();
  process.stdout.write(`${JSON.stringify(part)}\n`);
  process.exit(0);
}

async function compare(): Promise<void> {
  const run = async (part: string) => {
    const args = ['--expose-gc', '--max-old-space-size=8192', import.meta.filename, `--part=${part}`];
    const more = [`--nodes=${nodes}`, `--minutes=${flags.minutes}`];
    return JSON.parse((await promisify(execFile)(process.execPath, [...args, ...more])).stdout) as Figures;
  };
  const without = await run('plain');
  const { kib_per_node: withIt = 0, ...outageFigures } = await run('outage');
  const kibWithout = without.kib_per_node ?? 0;
  printResult(
    'remote-write',
    { memory_per_node_vs_without: withIt / kibWithout },
    { nodes, minutes: rounds / 6, kib_per_node_without: kibWithout, kib_per_node: withIt, ...outageFigures },
    flags.json,
  );
}

/** The intake alone, after one round of all nodes. */
async function plain(): Promise<Figures> {
  const intake = new TelemetryIntake({ poolOf: () => 'idc', monotonicMs: () => clock.nowMs });
  const sources = fleet(intake);
  const before = held();
  await round(sources);
  return { kib_per_node: (held() - before) / nodes / 1024 };
}

async function outage(): Promise<Figures> {
  const store = await awayStore();
  const remoteWrite = new RemoteWrite({
    destination: { url: store.url },
    labels: { cluster: 'bench' },
    logger: pino({ level: 'silent' }),
    nowMs: () => clock.nowMs,
    sending: { backoffCapMs: 500 },
  });
  const intake = new TelemetryIntake({
    poolOf: () => 'idc',
    sink: remoteWrite,
    monotonicMs: () => clock.nowMs,
  });
  const sources = fleet(intake);
  const before = held();
  await remoteWrite.start(new Registry());
  await round(sources);
  const afterRound = held();
  const cpu = process.cpuUsage();
  let largestPending = 0;
  for (let done = 1; done < rounds; done++) {
    await round(sources);
    largestPending = Math.max(largestPending, remoteWrite.pending);
  }
  const { user, system } = process.cpuUsage(cpu);
  const afterHour = held();
  const { figures } = remoteWrite;
  const awaySamples = figures.given;
  await store.open();
  const backMs = performance.now();
  const sendingCpu = process.cpuUsage();
  while (remoteWrite.pending > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const drainedMs = performance.now() - backMs;
  const sent = process.cpuUsage(sendingCpu);
  const lost = [...figures.dropped.values()].reduce((sum, count) => sum + count, 0);
  await remoteWrite.stop();
  return {
    kib_per_node: (afterRound - before) / nodes / 1024,
    grown_in_the_outage_mib: (afterHour - afterRound) / 2 ** 20,
    largest_pending_samples: largestPending,
    samples_given: awaySamples,
    samples_kept: figures.storedSamples,
    kept_seconds: figures.storedSamples / ((nodes * samplesPerRound) / (roundMs / 1000)),
    unaccounted: figures.given - figures.storedSamples - lost,
    ns_of_cpu_per_sample: ((user + system) * 1000) / (awaySamples - nodes * samplesPerRound),
    samples_per_second_when_back: figures.storedSamples / (drainedMs / 1000),
    // The store, which reads the bodies and throws them away, is in it.
    ns_of_cpu_per_sample_sent: ((sent.user + sent.system) * 1000) / figures.storedSamples,
    bytes_per_sample_sent: store.bytes() / figures.storedSamples,
    rss_mib: process.memoryUsage.rss() / 2 ** 20,
  };
}

function fleet(intake: TelemetryIntake): SampleSource[] {
  return Array.from({ length: nodes }, (_, index) => {
    const name = `idc-rack-${index}`;
    const sendBatch = (parts: readonly Uint8Array[]) => {
      intake.accept(name, Buffer.concat(parts));
      return true;
    };
    return new SampleSource(name, { sendBatch }, () => clock.nowMs);
  });
}

/** A heartbeat's interval of all nodes; whoever waits for a turn of the event loop gets one. */
async function round(sources: readonly SampleSource[]): Promise<void> {
  clock.nowMs += roundMs;
  for (const [index, source] of sources.entries()) {
    source.send();
    if (index % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A port where nobody listens yet. */
async function awayStore(): Promise<{ url: string; open(): Promise<void>; bytes(): number }> {
  let bytes = 0;
  const server = http.createServer((request, response) => {
    request.on('data', (chunk: Buffer) => (bytes += chunk.length));
    request.on('end', () => response.writeHead(204).end());
  });
  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };
  const port = await listen(0);
  await new Promise((resolve) => server.close(resolve));
  return {
    url: `http://127.0.0.1:${port}/api/v1/write`,
    open: async () => void (await listen(port)),
    bytes: () => bytes,
  };
}

/** Bytes in use, after a collection. */
function held(): number {
  const { gc } = globalThis;
  gc?.();
  gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
