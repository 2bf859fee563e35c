// The tunnel beside what else could carry the same bytes: throughput in both directions, round trips beside a
// bulk stream, CPU per gigabyte. All contenders run at the same time and are measured in turns within each
// round; figures are medians over the rounds. `npm run bench:tunnel -- --json` prints one line of JSON.
//
//   --rounds N     default 5            --seconds S    per measurement, default 1
//   --only A,B     contenders by name   --profile DIR  CPU profiles of our own processes

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { background } from '../../protocol/defect.ts';
import { createProgress } from '../machine/progress.ts';
import { createAuthority } from './tunnel/certificates.ts';
import type { Contender } from './tunnel/contender.ts';
import { startContenders } from './tunnel/contenders.ts';
import { type Moved, megabytesPerSecond } from './tunnel/load.ts';
import { Role, stopAll } from './tunnel/process.ts';
import { type Figures, median, percentile, ratiosOf, type Sample, summarise } from './tunnel/summary.ts';

const { values: flags } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    profile: { type: 'string' },
  },
});
const rounds = Number(flags.rounds);
const seconds = Number(flags.seconds);
const only = flags.only.split(',').filter(Boolean);
const progress = createProgress();
const folder = await mkdtemp(join(tmpdir(), 'regnode-bench-'));
process.once('SIGINT', () =>
  background(
    'interrupt',
    stopAll().then(() => process.exit(130)),
  ),
);
try {
  await main();
} finally {
  await stopAll();
  await rm(folder, { recursive: true, force: true });
}

async function main(): Promise<void> {
  const [bulkTarget, echoTarget, bulkClient, echoClient] = [new Role(), new Role(), new Role(), new Role()];
  const targets = {
    bulk: await bulkTarget.ask<number>({ kind: 'target' }),
    echo: await echoTarget.ask<number>({ kind: 'target' }),
  };
  const wanted = (name: string) => only.length === 0 || only.includes(name);
  const contenders = await startContenders(
    targets,
    folder,
    await createAuthority(),
    wanted,
    flags.profile ?? undefined,
  );
  const samples = new Map<string, Sample[]>(contenders.map(({ name }) => [name, []]));
  // A first round that is not counted warms up the compilers and the kernel's buffers.
  for (let round = 0; round <= rounds; round += 1) {
    for (const contender of contenders) {
      const sample = await measure(contender, bulkClient, echoClient);
      if (round > 0) samples.get(contender.name)?.push(sample);
      progress.line(
        `${round}/${rounds} ${contender.name.padEnd(16)} ${describe(sample)}${round ? '' : ' (not counted)'}`,
      );
    }
  }
  const figures: Record<string, object> = Object.fromEntries(
    [...samples].map(([name, found]) => [name, summarise(found)]),
  );
  for (const contender of contenders) {
    const copied = await copiesPerByte(contender, bulkClient);
    if (copied !== undefined)
      figures[contender.name] = { ...figures[contender.name], bytesCopiedPerByte: copied };
  }
  const result = { name: 'tunnel', ratios: ratiosOf(figures as Figures), figures };
  if (flags.json) process.stdout.write(`${JSON.stringify(result)}\n`);
  else console.log(JSON.stringify(result, null, 2));
}

/** After the rounds, since counting is slow. */
async function copiesPerByte(contender: Contender, client: Role): Promise<number | undefined> {
  if (!contender.copiedBytes) return undefined;
  let carried = 0;
  const copied = await contender.copiedBytes(async () => {
    for (const kind of ['upload', 'download'] as const) {
      carried += (await client.ask<Moved>({ kind, port: contender.bulkPort, seconds })).bytes;
    }
  });
  return Number((copied / carried).toPrecision(3));
}

interface Both {
  readonly to: number;
  readonly from: number;
}

async function measure(contender: Contender, bulkClient: Role, echoClient: Role): Promise<Sample> {
  const { bulkPort, echoPort } = contender;
  const before = await contender.usage();
  const toAgent = await bulkClient.ask<Moved>({ kind: 'upload', port: bulkPort, seconds });
  const between = await contender.usage();
  const fromAgent = await bulkClient.ask<Moved>({ kind: 'download', port: bulkPort, seconds });
  const after = await contender.usage();
  const gigabytes = { to: toAgent.bytes * 1e-9, from: fromAgent.bytes * 1e-9 };
  const [gateway, agent] = [0, 1].map((end) => ({
    to: (between[end]?.cpuSeconds ?? 0) - (before[end]?.cpuSeconds ?? 0),
    from: (after[end]?.cpuSeconds ?? 0) - (between[end]?.cpuSeconds ?? 0),
  })) as [Both, Both];
  const idle = await echoClient.ask<number[]>({ kind: 'roundTrips', port: echoPort, seconds: seconds / 2 });
  const [besideBulk, loaded] = await Promise.all([
    bulkClient.ask<Moved>({ kind: 'download', port: bulkPort, seconds: seconds + 0.4 }),
    new Promise((resolve) => setTimeout(resolve, 200)).then(() =>
      echoClient.ask<number[]>({ kind: 'roundTrips', port: echoPort, seconds }),
    ),
  ]);
  return {
    toAgentMBs: megabytesPerSecond(toAgent),
    fromAgentMBs: megabytesPerSecond(fromAgent),
    cpuSecondsPerGB: (gateway.to + gateway.from + agent.to + agent.from) / (gigabytes.to + gigabytes.from),
    toAgentCpuSecondsPerGB: (gateway.to + agent.to) / gigabytes.to,
    fromAgentCpuSecondsPerGB: (gateway.from + agent.from) / gigabytes.from,
    gatewayCpuSecondsPerGB: (gateway.to + gateway.from) / (gigabytes.to + gigabytes.from),
    agentCpuSecondsPerGB: (agent.to + agent.from) / (gigabytes.to + gigabytes.from),
    idleP50Ms: median(idle),
    idleP99Ms: percentile(idle, 0.99),
    besideBulkMBs: megabytesPerSecond(besideBulk),
    besideBulkP50Ms: median(loaded),
    besideBulkP99Ms: percentile(loaded, 0.99),
  };
}

function describe(sample: Sample): string {
  const { toAgentMBs, fromAgentMBs, besideBulkMBs, besideBulkP50Ms, besideBulkP99Ms } = sample;
  const { toAgentCpuSecondsPerGB, fromAgentCpuSecondsPerGB } = sample;
  return (
    `to/from ${toAgentMBs.toFixed(0)}/${fromAgentMBs.toFixed(0)} MB/s, ${toAgentCpuSecondsPerGB.toFixed(2)}/${fromAgentCpuSecondsPerGB.toFixed(2)} CPU s/GB, ` +
    `beside ${besideBulkMBs.toFixed(0)} MB/s p50 ${besideBulkP50Ms.toFixed(2)} p99 ${besideBulkP99Ms.toFixed(2)} ms`
  );
}
